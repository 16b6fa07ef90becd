"""Trains one recipe as one of two processes; run by torchrun from test_two_processes."""

import sys

from sfumato.run import train

recipe, out = sys.argv[1:]
train(recipe, out=out, quiet=True)
