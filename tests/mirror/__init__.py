"""A local server that answers as the outside sources do: recorded payloads, an endless market, failures on demand."""
