"""The rungs of the ladder: one file each, with the paper it is from."""
