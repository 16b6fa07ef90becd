"""What makes logits honest probabilities: one family, a file a kind. Fitted on validation predictions only."""
