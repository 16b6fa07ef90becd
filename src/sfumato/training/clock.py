"""The clock of a training: epochs and optimiser steps, and what durations mean on it."""

import math
from bisect import bisect_right
from dataclasses import dataclass

from sfumato.training.duration import Duration


@dataclass(frozen=True)
class Clock:
    """Epochs and optimiser steps of a training."""

    starts: tuple[int, ...]
    """First step of each epoch, and one past the last step of all: E + 1 numbers."""

    @property
    def epochs(self) -> int:
        """Epochs of the whole training."""
        return len(self.starts) - 1

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole training."""
        return self.starts[-1]

    def passed(self, steps: int) -> float:
        """Epochs that so many steps make, from 0 to all."""
        return float(self.epochs) if steps >= self.steps else self.epoch_at(steps)

    def epoch_at(self, step: int) -> float:
        """Epochs that have passed before a step; the step in the middle of the first epoch gives 0.5."""
        epoch = min(bisect_right(self.starts, step), self.epochs) - 1
        return epoch + (step - self.starts[epoch]) / (self.starts[epoch + 1] - self.starts[epoch])

    def first_step(self, epoch: float) -> int:
        """The first step at or after a moment; that of the end is one past the last."""
        if epoch >= self.epochs:
            return self.steps
        whole = int(epoch)
        first, after = self.starts[whole], self.starts[whole + 1]
        return first + math.ceil((epoch - whole) * (after - first) - 1e-6)

    def moment(self, duration: Duration, since: float) -> float:
        """Epoch at which a duration that begins at epoch `since` ends."""
        if duration.unit == "ep":
            return since + duration.amount
        if duration.unit == "%":
            return since + duration.amount * self.epochs / 100
        whole = int(since)
        before = self.starts[whole] + (since - whole) * (self.starts[whole + 1] - self.starts[whole])
        after = before + duration.amount
        return self.passed(round(after)) + max(0.0, after - self.steps)
