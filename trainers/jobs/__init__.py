"""The jobs: wiring of what is pure to the servers, one module each."""
