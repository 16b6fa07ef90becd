"""How good predictions are, in numbers with intervals: numpy in, numpy out."""
