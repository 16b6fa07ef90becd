"""How sure a model is, and how familiar a picture: one number a sample, more meaning surer or more familiar."""
