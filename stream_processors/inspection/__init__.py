"""Records, dead letters, topics and alerts as commands show them, and publishing dead letters again."""
