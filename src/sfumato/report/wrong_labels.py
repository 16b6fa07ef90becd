"""Labels that are likely wrong, as the page and its CSV show them. Plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import polars as pl

from sfumato.decision.calibration import UNFITTED
from sfumato.decision.calibrators.one_vs_rest import sigmoid
from sfumato.metrics.wrong_labels import likely_wrong, likely_wrong_answers, recognised
from sfumato.multilabel_predictions import AnyPredictions, MultilabelPredictions
from sfumato.predictions import Predictions
from sfumato.report.frames import MISTAKES, Mistake

NAME = "likely_wrong_labels.csv"


@dataclass(frozen=True)
class WrongLabel:
    """A label that is likely wrong."""

    id: str
    part: str
    """Of the data: val, test, out_of_fold or data."""
    given: str
    likely: str
    """Where an image may be of several classes: `with` or `without` the one that is likely there, or not."""
    given_probability: float
    """Of what the label says, 0 to 1, as the network says it: not calibrated."""
    likely_probability: float


@dataclass(frozen=True)
class WrongLabels:
    """What was found in one task."""

    labels: tuple[WrongLabel, ...]
    """The surest first."""
    judged: int
    """Labels that were looked at: of images that the network had not learned from."""
    unit: str
    """What is counted: a label, or where an image may be of several classes an answer."""
    share: float
    """Of those judged that are estimated to be wrong, 0 to 1."""
    unjudged: tuple[str, ...] = ()
    """Classes whose labels can't be judged: the network does not find half of their images."""

    @property
    def shown(self) -> tuple[Mistake, ...]:
        """Those that have their picture on the page."""
        return tuple(
            Mistake(one.id, one.given, one.likely, one.likely_probability, abstained=False)
            for one in self.labels[:MISTAKES]
        )


def wrong_labels(parts: Mapping[str, AnyPredictions]) -> WrongLabels | None:
    """Look for them in tables of one network, name of a part -> what it says there; None where nothing is labelled.

    The parts are judged together, for what is usual for a class shows the better the more of its images there are.
    """
    tables = {part: said for part, said in parts.items() if len(said)}
    if not tables:
        return None
    named = [(name, part) for part, said in tables.items() for name in said.ids]
    several = [said for said in tables.values() if isinstance(said, MultilabelPredictions)]
    if several:
        return _answers(named, several)
    return _labels(named, [said for said in tables.values() if isinstance(said, Predictions)])


def _labels(named: Sequence[tuple[str, str]], tables: Sequence[Predictions]) -> WrongLabels | None:
    truth = np.concatenate([said.truth for said in tables])
    known = np.flatnonzero(truth >= 0)
    if not len(known):
        return None
    p = UNFITTED.probabilities(np.concatenate([said.logits for said in tables])[known])
    given, names = truth[known], tables[0].labels.names
    found, known_classes = likely_wrong(p, given), recognised(p, given)
    own = known_classes[given[found.rows]]
    found = replace(found, rows=found.rows[own], likely=found.likely[own], margin=found.margin[own])
    places, rows = cast(list[int], known[found.rows].tolist()), cast(list[int], found.rows.tolist())
    pairs = zip(cast(list[int], given[found.rows].tolist()), cast(list[int], found.likely.tolist()), strict=True)
    labels = tuple(
        WrongLabel(*named[place], names[said], names[likely], float(p[row, said]), float(p[row, likely]))
        for place, row, (said, likely) in zip(places, rows, pairs, strict=True)
    )
    judged = known_classes[given]
    share = float(found.by_class[given[judged]].mean()) if judged.any() else 0.0
    missed = tuple(names[at] for at in cast(list[int], np.unique(given).tolist()) if not known_classes[at])
    return WrongLabels(labels, int(judged.sum()), "label", share, missed)


def _answers(named: Sequence[tuple[str, str]], tables: Sequence[MultilabelPredictions]) -> WrongLabels | None:
    truth = np.concatenate([said.truth for said in tables])
    if not (truth >= 0).any():
        return None
    p = sigmoid(np.concatenate([said.logits for said in tables]).astype(np.float64))
    found, names = likely_wrong_answers(p, truth), tables[0].labels.names
    labels = tuple(
        _answer(named[row], names, place, truth[row].tolist(), float(p[row, place]))
        for row, place in zip(
            cast(list[int], found.rows.tolist()), cast(list[int], found.classes.tolist()), strict=True
        )
    )
    return WrongLabels(labels, int((truth >= 0).sum()), "answer", found.share)


def _answer(named: tuple[str, str], names: Sequence[str], place: int, truth: Sequence[int], p: float) -> WrongLabel:
    """One class of one image; `p` is its probability of being there."""
    given = " + ".join(name for name, there in zip(names, truth, strict=True) if there == 1) or "none"
    there = truth[place] == 1
    likely = f"{'without' if there else 'with'} {names[place]}"
    return WrongLabel(*named, given, likely, p if there else 1 - p, 1 - p if there else p)


def write_wrong_labels(folder: Path, found: Mapping[str, WrongLabels | None], images: Mapping[str, str | None]) -> None:
    """Write the CSV of all tasks into a folder, the surest first; nothing where no label was judged.

    Args:
        folder: Of a run, a cross-validation or an evaluation.
        found: Task -> what was found; of an only one under the empty name.
        images: Id of a sample -> address of its picture.
    """
    there = {task: one for task, one in found.items() if one is not None}
    if not there:
        return
    rows = [
        {"id": one.id, "image": images.get(one.id), "task": task, **_cells(one)}
        for task, all_of_it in there.items()
        for one in all_of_it.labels
    ]
    schema = {name: pl.Float64 if name.endswith("probability") else pl.String for name in COLUMNS}
    frame = pl.DataFrame(rows, schema=schema)
    aside = folder / f".{NAME}.partial"
    (frame if any(there) else frame.drop("task")).write_csv(aside)
    aside.replace(folder / NAME)


COLUMNS = ("id", "image", "task", "part", "given", "likely", "given_probability", "likely_probability")


def _cells(one: WrongLabel) -> dict[str, object]:
    return {name: getattr(one, name) for name in COLUMNS[3:6]} | {
        name: round(getattr(one, name), 6) for name in COLUMNS[6:]
    }
