"""Cross-validation: a run a fold, one predictions table, one policy, one bundle."""
