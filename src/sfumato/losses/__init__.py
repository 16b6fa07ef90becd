"""Losses, one value a sample; `reduce` is the only place that averages."""
