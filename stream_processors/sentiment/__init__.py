"""The scorers of texts: their port, the preparation of texts, lexicons, and encoders that run from a folder."""
