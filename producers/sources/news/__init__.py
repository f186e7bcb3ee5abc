"""Reads the news of publishers: feeds, article pages, listing pages and sitemaps."""
