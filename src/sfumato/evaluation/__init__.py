"""Measuring a bundle on labelled data that somebody names."""
