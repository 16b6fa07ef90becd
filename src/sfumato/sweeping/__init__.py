"""A search over settings of one recipe: trials in processes of their own, suggested by optuna."""
