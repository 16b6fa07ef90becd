"""Trains as one of two processes of which only the second is told to stop; then both go on. Run by torchrun."""

import os
import signal
import sys

import torch

from sfumato import Interrupted
from sfumato.run import train
from sfumato.training import epoch_end
from sfumato.training.step import Learner

recipe, out = sys.argv[1:]
rank = int(os.environ["RANK"])
take_step, validate = Learner.step, epoch_end.validate


def step(self, batch, settings, step_images):
    if rank == 1 and settings.step == 2:
        os.kill(os.getpid(), signal.SIGTERM)
    return take_step(self, batch, settings, step_images)


def validate_alike(model, *others):
    """Both processes must measure the same network, batch-norm statistics and their average included."""
    mine = torch.cat([tensor.flatten().double() for tensor in model.state_dict().values()])
    least, most = mine.clone(), mine.clone()
    torch.distributed.all_reduce(least, torch.distributed.ReduceOp.MIN)
    torch.distributed.all_reduce(most, torch.distributed.ReduceOp.MAX)
    assert torch.equal(least, most)
    return validate(model, *others)


epoch_end.validate = validate_alike
Learner.step = step
try:
    train(recipe, out=out)
except Interrupted as stop:
    print(f"rank {rank}: {stop}", flush=True)
Learner.step = take_step
train(resume=out, quiet=True)
