"""The monitor, what it looks at (offsets, dead letters, disks, undeclared fields), and its metrics."""
