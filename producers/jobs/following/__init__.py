"""Following venues: sockets that are read, refilled by REST and handed over in the venue's order, each trade once."""
