"""Bundles in the form that other engines compute, checked against what they were made of."""
