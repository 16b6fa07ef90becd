"""From logits to decisions: calibrate, abstain. numpy in, numpy out; fitted on validation predictions only."""
