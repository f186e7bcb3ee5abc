"""What runs in the peers' own environments: each takes a folder and a cost, and prints a line of JSON."""
