"""The indicators: compiled steps that compute what is declared, one module a family.

Each step writes a stretch of the output vector, in the order of its declarations in
:mod:`stream_processors.features.declarations`. Windows count bars. A quotient by zero is NaN. Before
its window is full a windowed feature is NaN.
"""
