"""Turns raw payloads into events, and adds the watermarks between them. Pure."""
