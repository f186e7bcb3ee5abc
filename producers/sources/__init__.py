"""One room per outside source."""
