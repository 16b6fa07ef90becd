"""The demonstration: solar cells, real weights, one command."""
