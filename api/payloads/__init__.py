"""What the API answers with, as it stands in the OpenAPI document, and how it is made of events.

Pure, one module for each group of routes and those that they share. Every time is there twice: as UTC
milliseconds for programs, as ISO 8601 for people.
"""
