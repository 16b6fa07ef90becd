"""Several trainings, so many at a time, each in a process of its own, watched through its history.csv."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from sfumato.processes.training_process import WITHOUT_TEST
from sfumato.run_folder import RunFolder

PROGRAM = (sys.executable, "-m", "sfumato.processes.training_process")
_POLL = 0.2
"""Seconds between two looks."""
_PATIENCE = 120.0
"""Seconds a process gets to save itself; killed later, it would go on from its last checkpoint all the same."""


@dataclass(frozen=True)
class Training:
    """One recipe to train."""

    name: str
    recipe: Path
    """The resolved recipe."""
    run: Path
    """Folder of the run; one that was begun is gone on with."""
    log: Path
    """What the process says on stdout and stderr; begun anew."""
    measure_test: bool = True


@dataclass(frozen=True)
class EpochSeen:
    """An epoch more stands in a run's history.csv."""

    training: Training
    epochs: int
    """Done so far."""


@dataclass(frozen=True)
class Ended:
    """A process is no more."""

    training: Training
    problem: str | None
    """The last line it said before it failed; None = the run is finished, or was stopped."""
    stopped: bool = False
    """Whether it was told to stop, since it was not wanted any longer."""


News = EpochSeen | Ended
Wanted = Callable[[EpochSeen], bool]
"""Whether a training should go on after an epoch."""


class Pool:
    """Within its context trainings run; at its end those still running are told to save themselves, and waited for.

    Args:
        parallel: Most at a time, from 1.
    """

    def __init__(self, parallel: int = 1) -> None:
        self._parallel = parallel
        self._running: list[_Process] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        for process in self._running:
            process.stop()
        deadline = time.monotonic() + _PATIENCE
        for process in self._running:
            process.wait(deadline)

    def run(self, trainings: Iterator[Training], wanted: Wanted = lambda _: True) -> Iterator[News]:
        """What happens, until all have ended. The next training is asked for when there is room for it."""
        while True:
            while len(self._running) < self._parallel and (training := next(trainings, None)) is not None:
                self._running.append(_Process(training, self._parallel))
            if not self._running:
                return
            for process in list(self._running):
                yield from self._look(process, wanted)
            time.sleep(_POLL)

    def _look(self, process: "_Process", wanted: Wanted) -> Iterator[News]:
        code = process.poll()  # before the history is read, so that its last epoch is seen before its end
        for seen in process.epochs():
            yield seen
            if not process.stopped and not wanted(seen):
                process.stop()
        if code is not None:
            self._running.remove(process)
            yield process.ended(code)


class _Process:
    """A training and the process that runs it."""

    def __init__(self, training: Training, beside: int) -> None:
        self.training, self.stopped = training, False
        self._epochs = 0
        training.log.parent.mkdir(parents=True, exist_ok=True)
        command = [*PROGRAM, str(training.recipe), str(training.run)]
        with training.log.open("w", encoding="utf-8") as log:
            # a session of its own: Ctrl-C is the starter's to hear, who then stops each process once
            self._process = subprocess.Popen(
                [*command, *([] if training.measure_test else [WITHOUT_TEST])],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment_beside(beside),
                start_new_session=True,
            )

    def poll(self) -> int | None:
        return self._process.poll()

    def epochs(self) -> Iterator[EpochSeen]:
        """Those that were not seen before."""
        done = epochs_done(self.training.run)
        for number in range(self._epochs + 1, done + 1):
            yield EpochSeen(self.training, number)
        self._epochs = max(done, self._epochs)

    def stop(self) -> None:
        """Tell it to save itself and end."""
        self.stopped = True
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def wait(self, deadline: float) -> None:
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._let_go()

    def ended(self, code: int) -> Ended:
        self._let_go()
        if code == 0 or self.stopped:
            return Ended(self.training, None, stopped=code != 0)
        return Ended(self.training, _problem(code, self.training.log))

    def _let_go(self) -> None:
        """Close the pipe whose end would tell a process that its starter is gone."""
        if self._process.stdin is not None:
            self._process.stdin.close()


def sharing_note(parallel: int) -> str | None:
    """What running side by side changes, worth a line; None where each runs alone."""
    if parallel < 2:
        return None
    own = "" if "OMP_NUM_THREADS" in os.environ else f", {_threads(parallel)} threads each"
    return f"{parallel} at a time{own}: each takes longer, and images/s are fewer, than alone"


def epochs_done(run: Path) -> int:
    """Whole rows in a run's history.csv."""
    path = RunFolder(run).history
    return max(0, path.read_bytes().count(b"\n") - 1) if path.is_file() else 0


def environment_beside(parallel: int) -> dict[str, str]:
    """This process's environment; for several beside each other, each gets its share of the cores."""
    found = dict(os.environ)
    if parallel > 1 and "OMP_NUM_THREADS" not in found:
        found["OMP_NUM_THREADS"] = str(_threads(parallel))
    return found


def _threads(parallel: int) -> int:
    return max(1, (os.cpu_count() or 1) // parallel)


def _problem(code: int, log: Path) -> str:
    """What a process that failed said last."""
    if code < 0:
        name = signal.Signals(-code).name
        return f"killed by {name}" + (", as when memory runs out" if name == "SIGKILL" else "")
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else f"exit code {code}"
