"""From a user's files to batches: one table, its faults, its splits, images as a function of (seed, epoch, sample)."""
