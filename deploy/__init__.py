"""How the platform is run: on one machine (``local``), and on real servers."""
