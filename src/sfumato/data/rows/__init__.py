"""Arrays kept on the disk under a key, for other runs and processes: features, and decoded pictures."""
