"""Image encoders around StarNet that timm has not: the dual pyramid, from scratch or pretrained, and FPN with PAN."""
