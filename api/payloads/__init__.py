"""The answers of the API, as the OpenAPI document describes them, and how they are made from events.

Pure. There is one module for each group of routes, and further modules for what several groups share. Every time is
stated twice: as UTC milliseconds for programs, and as ISO 8601 text for people.
"""
