"""Sets of labels that hold the truth as often as was promised, whatever the model; only the samples must be alike."""
