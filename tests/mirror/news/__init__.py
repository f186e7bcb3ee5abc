"""The news sites of the mirror: feeds, pages, listings, sitemaps."""
