"""Models: predict, learn, to and from bytes; pure.

Published. ``decisions``, ``parity``, ``vectors`` and ``onnx_models`` are what serving needs and import
neither xgboost nor scikit-learn nor pandas; ``gradient_boosting`` learns.
"""
