"""The surfaces that listen on a port: thin, all over the same operations."""
