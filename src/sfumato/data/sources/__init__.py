"""Where samples come from; every source becomes the same table."""
