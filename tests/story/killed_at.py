"""Trains, and is killed with SIGKILL at given optimiser steps; run as a program by test_exact_resume.

usage: killed_at.py RECIPE OUT WORKERS [STEP ...]

It forks one process an attempt before any tensor is computed, so that the imports are paid for once. Each attempt goes
on where the one before was killed; STEP counts the steps taken within its attempt. The last attempt runs to the end.
"""

import os
import signal
import sys
from pathlib import Path

from killing import die_after  # beside this file, which is run as a program

from sfumato.run import train


def attempt(recipe: str, out: str, workers: int, kill_at: int | None) -> None:
    die_after(kill_at)
    if (Path(out) / "checkpoints" / "last").exists():
        train(resume=out, quiet=True)
    else:
        train(recipe, overrides={"train.workers": workers}, out=out, quiet=True)


def main() -> None:
    recipe, out, workers, *steps = sys.argv[1:]
    for kill_at in [*map(int, steps), None]:
        child = os.fork()
        if child == 0:
            attempt(recipe, out, int(workers), kill_at)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        if killed != (kill_at is not None) or (not killed and status != 0):
            sys.exit(f"attempt with kill at {kill_at} ended with status {status}")


if __name__ == "__main__":
    main()
