"""Shows people what a job found: tables, progress and files."""
