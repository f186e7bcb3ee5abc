"""The polite client of the web: HTTP and WebSockets behind the ports ``fetching`` and ``sockets``."""
