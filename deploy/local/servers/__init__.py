"""The embedded servers, from PyPI wheels: how each is started, reached and judged healthy."""
