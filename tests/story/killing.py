"""A process that kills itself with SIGKILL at an optimiser step of its own choosing."""

import os
import signal

from sfumato.training.step import Learner


def die_after(steps: int | None) -> None:
    """Let this process be killed once it has taken so many steps, whatever it trains; None = never."""
    take_step, taken = Learner.step, 0

    def step(self, batch, settings, step_images):
        nonlocal taken
        taken += 1
        outcome = take_step(self, batch, settings, step_images)
        if taken == steps:
            os.kill(os.getpid(), signal.SIGKILL)
        return outcome

    Learner.step = step
