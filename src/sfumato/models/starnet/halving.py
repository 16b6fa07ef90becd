"""The convolution that halves an image, by which stems and stages begin."""

from torch import nn


def halving(channels: int, width: int) -> nn.Sequential:
    """(B, channels, H, W) -> (B, width, H/2, W/2), rounded up: 3 x 3 without bias, batch norm, GELU."""
    convolution = nn.Conv2d(channels, width, 3, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(width), nn.GELU())
