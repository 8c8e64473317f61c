"""Benchmarks: figures beside something, from one run. `make bench` prints them."""
