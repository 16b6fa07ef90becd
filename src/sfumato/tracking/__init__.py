"""Services that a training is shown in: they are given records and files, and can't reach the training."""
