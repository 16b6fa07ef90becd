"""Teachers: finished bundles that a training learns from, and what they say of its pictures."""
