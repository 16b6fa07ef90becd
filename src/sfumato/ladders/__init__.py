"""Light ways to use a dual encoder's features, each tried against the last: from no training to seconds of it."""
