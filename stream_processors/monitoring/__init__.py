"""What the monitor looks at, and how it shows it: offsets, dead letters, disks, fields."""
