"""Soups of finished runs: the mean of the weights of several networks of one make, as one bundle."""
