"""``make bench-inference``: one row through every kind of model that the registry can hold.

Three ways: the learning library itself, the exported ONNX on a ready row, and the path that serving
takes (a feature vector by name to a probability). Their rounds alternate, so that other work on
the machine hits all alike. Explanations are a row of their own.
"""
