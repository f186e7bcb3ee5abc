"""The indicators: compiled steps that compute the declared features, one module for each family.

Each step writes a stretch of the output vector, in the order of its declarations in
:mod:`stream_processors.features.declarations`. Windows count bars. A quotient by zero is NaN. A windowed
feature is NaN until its window is full.
"""
