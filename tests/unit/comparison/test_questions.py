"""Finished runs that answer other questions are no pair."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from sfumato.comparison import comparing
from sfumato.comparison.contestants import Contestant
from sfumato.errors import InputError


def test_runs_of_other_label_columns_are_refused_by_these(monkeypatch):
    tasks = {"one": ("",), "two": ("kind", "where")}
    monkeypatch.setattr(comparing, "read_outcome", lambda path: SimpleNamespace(tasks=tasks[path.name], answers={}))
    given = [Contestant(name, given=Path(name)) for name in tasks]
    with pytest.raises(
        InputError, match="two can't be compared with one: it answers other questions, kind, where, not"
    ):
        comparing._refuse_unlike(given)
