"""A bundle over HTTP: requests become batches for one predictor, and its decisions JSON."""
