"""The recipe: one YAML file, or one Python object, that says everything about a training."""
