"""The seeded simulated market and its news. Its events are always marked as simulated."""
