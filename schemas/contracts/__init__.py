"""The contract of the topics as documents that programs in other languages read.

``python -m schemas.contracts`` generates the documents from the structs and the table of topics. They are
committed, so that a change of the contract is seen in review. They stand
apart from the codec, which no subscriber outside this repository can call.
"""
