"""Vision-language models as classifiers that can only name a candidate."""
