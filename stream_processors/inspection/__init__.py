"""Records, dead letters and alerts for people and for scripts: what commands show and send again."""
