"""The HTTP routes: each reads stores and answers with a payload, none keeps state of its own."""
