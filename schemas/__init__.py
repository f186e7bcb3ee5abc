"""The contract: events, topics, codec, times, feature and model descriptions, ports, wire clients.

The bottom floor of the house. It imports no other package of the project.
"""
