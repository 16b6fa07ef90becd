"""From a bundle and pictures to decisions."""
