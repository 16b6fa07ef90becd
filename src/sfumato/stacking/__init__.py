"""Stacks: experts over the same samples, each cross-validated in the same folds, fused to one bundle."""
