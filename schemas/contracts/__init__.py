"""What the platform promises on its topics, as documents that other languages read.

Everything here is generated from the structs and the table of topics by ``python -m
schemas.contracts`` and committed, so that a change of the contract is seen in review. It stands
apart from the codec, which no subscriber outside this repository can call.
"""
