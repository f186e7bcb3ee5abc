"""The contract: events, topics, codec, times, feature and model descriptions, ports, wire clients.

The lowest package of the project. It imports no other package of the project.
"""
