"""Contestants of `benchmarks/peers.py`, each a script of its own that prints what it measured as one JSON object."""
