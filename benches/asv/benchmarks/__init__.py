"""asv benchmarks: what a user of the Python package waits for."""
