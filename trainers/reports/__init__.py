"""Tables, progress and files for people: what a job found, written down."""
