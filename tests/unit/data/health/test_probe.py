"""The probe finds borders that tell the class, and no others."""

import numpy as np
import polars as pl
import pytest

from sfumato.data.health.probe import LEAST, Probe, probe, probe_findings

RNG = np.random.default_rng(0)


def rows(borders: dict[str, np.ndarray]) -> pl.DataFrame:
    """One picture a row of each class's (n, 24) borders."""
    labels = [label for label, values in borders.items() for _ in values]
    values = [row.astype(np.uint8).tobytes() for block in borders.values() for row in block]
    ids = [f"{i:04}" for i in range(len(labels))]
    columns = {"id": ids, "image": ids, "label": labels, "group": [None] * len(ids), "border": values}
    return pl.DataFrame(columns, schema_overrides={"group": pl.String})


def noise(count: int, low: int = 0, high: int = 256) -> np.ndarray:
    return RNG.integers(low, high, (count, 24))


def test_borders_that_tell_the_class():
    frame = rows({"a": noise(40, 0, 140), "b": noise(120, 100, 256)})
    result = probe(frame, range(160))
    assert result.score > 0.9
    assert result.tells
    (found,) = probe_findings(result)
    assert set(found.samples["detail"].head(2)) == {"a", "b"}


@pytest.mark.parametrize("counts", [(40, 40), (30, 300), (20, 20, 20, 200, 40)])
def test_borders_that_tell_nothing(counts):
    result = probe(rows({str(i): noise(count) for i, count in enumerate(counts)}), range(sum(counts)))
    assert result.score == pytest.approx(result.chance, abs=0.12)
    assert probe_findings(result) == []


def test_copies_do_not_help():
    """20 pictures, each 8 times: known by heart, but never met again in another fold."""
    frame = rows({"a": np.repeat(noise(10), 8, axis=0), "b": np.repeat(noise(10), 8, axis=0)})
    assert not probe(frame, [i // 8 for i in range(160)]).tells
    assert probe(frame, range(160)).tells


def test_groups_stay_together():
    frame = rows({"a": np.repeat(noise(10), 8, axis=0), "b": np.repeat(noise(10), 8, axis=0)})
    grouped = frame.with_columns(group=pl.Series([f"g{i // 8}" for i in range(160)]))
    assert not probe(grouped, range(160)).tells


def test_too_little_to_ask():
    assert probe(rows({"a": noise(LEAST - 1), "b": noise(50)}), range(LEAST + 49)) is None


def test_large_classes_are_thinned_out_evenly(monkeypatch):
    monkeypatch.setattr("sfumato.data.health.probe.MOST", 60)
    result = probe(rows({"a": noise(500), "b": noise(35)}), range(535))
    assert result.samples == 60


@pytest.mark.parametrize(("classes", "limit"), [(2, 0.75), (4, 0.625), (10, 0.5), (38, 5 / 38)])
def test_limits(classes, limit):
    assert Probe(0.5, 0.4, classes, 100).limit == pytest.approx(limit)
