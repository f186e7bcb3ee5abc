"""One module of wiring per running job."""
