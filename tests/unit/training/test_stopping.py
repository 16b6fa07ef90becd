import os
import signal
import time

import pytest

from sfumato.errors import Stopped
from sfumato.training import stopping
from sfumato.training.stopping import stop_wish, uninterrupted


@pytest.fixture(autouse=True)
def raising():
    """As the command line does."""

    def stop(number, _):
        raise Stopped(signal.Signals(number).name)

    former = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in former.items():
        signal.signal(number, handler)


def send(number=signal.SIGINT):
    os.kill(os.getpid(), number)
    time.sleep(0.01)


def test_quick_ones_are_one_wish():
    with stop_wish() as wish:
        for _ in range(3):
            send()
        send(signal.SIGTERM)
    assert wish.signal == "SIGINT"


def test_a_later_one_acts_as_before(monkeypatch):
    monkeypatch.setattr(stopping, "SAME_WISH", -1.0)
    with pytest.raises(Stopped, match="SIGTERM"), stop_wish():
        send()
        send(signal.SIGTERM)


def test_what_must_be_whole_is_finished_first():
    done = False
    with pytest.raises(Stopped, match="SIGTERM"), uninterrupted():
        send(signal.SIGTERM)
        done = True
    assert done
