"""Trainings in processes: what is seen of them, who fails alone, and who is stopped."""

import sys
from pathlib import Path

import pytest

from sfumato.processes import pool
from sfumato.processes.pool import Ended, EpochSeen, Pool, Training

PRETENDED = (sys.executable, str(Path(__file__).parents[2] / "pretended_training.py"))


@pytest.fixture(autouse=True)
def _pretended(monkeypatch):
    monkeypatch.setattr(pool, "PROGRAM", PRETENDED)


def training(root: Path, name: str, lr: float, about: str = "") -> Training:
    recipe = root / f"{name}.yaml"
    recipe.write_text(f"# {about}\nepochs: 3\nlr: {lr}\n")
    return Training(name, recipe, root / name, root / f"{name}.txt")


def test_one_that_fails_stops_no_other(tmp_path):
    jobs = [training(tmp_path, "bad", 1.0), training(tmp_path, "good", 0.1)]
    with Pool(2) as two:
        news = list(two.run(iter(jobs)))
    ends = {one.training.name: one for one in news if isinstance(one, Ended)}
    assert ends["bad"].problem == "RunError: the loss is not finite"
    assert ends["good"].problem is None
    assert [one.epochs for one in news if isinstance(one, EpochSeen)] == [1, 2, 3]
    assert "nobody's interest" in (tmp_path / "bad.txt").read_text()


def test_one_at_a_time_the_next_is_asked_for_when_there_is_room(tmp_path):
    asked = []

    def jobs():
        for name in "ab":
            asked.append(name)
            yield training(tmp_path, name, 0.1)

    with Pool(1) as one:
        for news in one.run(jobs()):
            if isinstance(news, EpochSeen):
                assert asked == ["a"] if news.training.name == "a" else ["a", "b"]
    assert asked == ["a", "b"]


def test_what_is_not_wanted_is_stopped(tmp_path):
    with Pool() as one:
        news = list(one.run(iter([training(tmp_path, "a", 0.1, "for ever")]), lambda seen: seen.epochs < 2))
    assert news[-1] == Ended(news[-1].training, None, stopped=True)


def test_leaving_stops_what_runs_and_waits_for_it(tmp_path):
    with pytest.raises(KeyboardInterrupt), Pool() as one:
        for _ in one.run(iter([training(tmp_path, "a", 0.1, "for ever")])):
            process = one._running[0]
            raise KeyboardInterrupt
    assert process.poll() is not None


def test_killed_for_memory_is_said(tmp_path):
    with Pool() as one:
        for news in one.run(iter([training(tmp_path, "a", 0.1, "for ever")])):
            if isinstance(news, EpochSeen) and news.epochs == 3:
                one._running[0]._process.kill()
            last = news
    assert last.problem == "killed by SIGKILL, as when memory runs out"


def test_several_share_the_cores(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert pool.environment_beside(4)["OMP_NUM_THREADS"] == "2"
    assert "OMP_NUM_THREADS" not in pool.environment_beside(1)
    assert "2 threads each" in pool.sharing_note(4)
    assert pool.sharing_note(1) is None
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert pool.environment_beside(4)["OMP_NUM_THREADS"] == "1"


def test_a_row_that_is_half_written_is_no_epoch(tmp_path):
    (tmp_path / "history.csv").write_text("epoch,loss\n0,1.0\n1,0.")
    assert pool.epochs_done(tmp_path) == 1
    assert pool.epochs_done(tmp_path / "nowhere") == 0
