"""Raw payloads to events, and the watermarks between them; pure."""
