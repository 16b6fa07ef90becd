"""Pictures that stand in the data more than once: byte for byte, or cropped, resized, re-encoded and re-lit."""
