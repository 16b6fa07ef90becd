"""From a batch of images to logits."""
