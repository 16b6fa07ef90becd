"""Trains one recipe, or goes on with it; run as a program by `pool`.

It ends when the process that started it is gone: its standard input is a pipe that nobody writes to, and whose end
says so. A run that nobody watches could otherwise be gone on with twice at once.

usage: python -m sfumato.processes.training_process RECIPE OUT [without-test]
"""

import contextlib
import os
import shutil
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import NoReturn

from sfumato.errors import SfumatoError, Stopped
from sfumato.run import train
from sfumato.run_folder import RunFolder

WITHOUT_TEST = "without-test"


def main() -> int:
    """Train, and say in one line on stderr what a user can meet. Returns the exit code."""
    recipe, out, *rest = sys.argv[1:]
    _wait_for_former()
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_follow_starter, daemon=True).start()
    try:
        _train(recipe, RunFolder(Path(out)), measure_test=WITHOUT_TEST not in rest)
    except SfumatoError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except Stopped as stop:
        print(f"stopped by {stop}", file=sys.stderr)
        return 1
    return 0


def _train(recipe: str, folder: RunFolder, *, measure_test: bool) -> None:
    """A run killed before it had all it could go on with is begun anew; nothing was trained yet."""
    if folder.environment.is_file():
        train(resume=folder.path, quiet=True, measure_test=measure_test)
        return
    if folder.path.exists():
        shutil.rmtree(folder.path)
    train(recipe, out=folder.path, quiet=True, measure_test=measure_test)


def _wait_for_former() -> None:
    """Until an earlier process of this training, whose starter was killed, has saved itself: both hold the log file."""
    with contextlib.suppress(ImportError, OSError):  # Windows has no such lock, and some network disks neither
        import fcntl

        fcntl.flock(sys.stdout.fileno(), fcntl.LOCK_EX)


def _follow_starter() -> None:
    """Wait for the end of standard input; below Python's own buffers, whose lock a forked worker would wait for."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _stop(number: int, _: FrameType | None) -> NoReturn:
    raise Stopped(signal.Signals(number).name)


if __name__ == "__main__":
    sys.exit(main())
