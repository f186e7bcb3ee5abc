"""The jobs, one module each: they connect pure code with files and servers."""
