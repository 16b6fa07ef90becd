"""From what several models say of a sample to one answer: mixed, stacked, or stacked with a hidden layer."""
