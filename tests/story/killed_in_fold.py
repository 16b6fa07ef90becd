"""Cross-validates, and is killed with SIGKILL at a given optimiser step, counted over all folds; run as a program.

usage: killed_in_fold.py RECIPE OUT STEP
"""

import os
import signal
import sys

from sfumato.cross_validation import crossval
from sfumato.training.step import Learner


def main() -> None:
    recipe, out, kill_at = sys.argv[1], sys.argv[2], int(sys.argv[3])
    take_step, taken = Learner.step, 0

    def step(self, batch, settings, step_images):
        nonlocal taken
        taken += 1
        outcome = take_step(self, batch, settings, step_images)
        if taken == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return outcome

    Learner.step = step
    crossval(recipe, folds=3, out=out, quiet=True)


if __name__ == "__main__":
    main()
