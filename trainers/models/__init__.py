"""Models: how they are fitted, how they predict, and how they become bytes. Pure; other packages may use them.

Serving needs ``decisions``, ``parity``, ``vectors`` and ``onnx_models``, which import neither xgboost nor
scikit-learn nor pandas. The modules of the recipes fit.
"""
