"""Whether a network names classes by the edge of pictures alone: the middle is greyed, and it is asked again.

What it then still knows it may have learnt from backgrounds, borders or marks instead of the object, as networks did
on PlantVillage (Noyan, "Uncovering bias in the PlantVillage dataset").
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from sfumato.predict.explainer import Explainer
from sfumato.report.checks.check import Check, judged, skipped
from sfumato.report.evidence import AnyMeasured, Measured
from sfumato.report.overlays import AT_ONCE, read_pixels
from sfumato.report.wording import many, percent

ASKED = 48
"""Pictures that are asked about: seconds, and enough to see a class given away."""
LEAST = 20
"""Below so many that it names rightly there is nothing to say."""
MIDDLE = 0.75
"""Of a side, that is greyed: more than half of the picture."""
GREY = 128
TELLS = 0.8
"""Share of right answers that must remain: an object that fills the picture leaves much of itself in its edge."""
MOST_PARAMETERS = 150_000_000
"""A larger network would take minutes on a processor."""
_SURE = 2.33
"""Standard errors above chance: 99 %, one-sided."""


@dataclass(frozen=True)
class EdgeAlone:
    """What is left of right answers when only the edge is seen."""

    pictures: int
    classes: int
    score: float
    """Balanced accuracy, 0 to 1: mean over the classes of the share that is still named rightly."""
    low: float
    """Lower end of its one-sided 99 % interval."""

    @property
    def chance(self) -> float:
        """Balanced accuracy of guessing, and of always naming one class."""
        return 1 / self.classes

    @property
    def tells(self) -> bool:
        """Whether the edge gives the class away."""
        return self.score >= TELLS and self.low > self.chance


def background_check(
    measured: AnyMeasured, explainer: Explainer | None, places: Mapping[str, str | None], task: str
) -> Check:
    """Ask it of pictures that the network names rightly; `places`: id of a sample -> address of its picture."""
    code = "background-shortcut"
    if not isinstance(measured, Measured):
        return skipped(code, "an image may be of several classes")
    if explainer is None:
        return skipped(code, "the network does not look at pictures alone, or there is no bundle of it")
    if sum(one.numel() for one in explainer.network.parameters()) > MOST_PARAMETERS:
        return skipped(code, "the network is large: asking it again would take minutes")
    found = edge_alone(measured, explainer, places, task)
    if found is None:
        return skipped(code, f"fewer than {LEAST} pictures of two classes that it names rightly and that are there")
    text = (
        f"of {many(found.pictures, 'picture')} that it names rightly it still names {percent(found.score)} with all "
        f"but the outer eighth on each side greyed (mean of {found.classes} classes); guessing gives "
        f"{percent(found.chance)}"
    )
    return judged(code, text, wrong=found.tells)


def edge_alone(
    measured: Measured, explainer: Explainer, places: Mapping[str, str | None], task: str
) -> EdgeAlone | None:
    """None where too few pictures are there."""
    truth, ids = measured.predictions.truth, measured.predictions.ids
    right = np.flatnonzero(measured.verdicts.predicted == truth)
    chosen = _spread(right, truth)
    pixels = [(row, read_pixels(places.get(ids[row]))) for row in chosen]
    there = [(row, one) for row, one in pixels if one is not None]
    rows = np.array([row for row, _ in there], dtype=np.int64)
    classes = np.unique(truth[rows])
    if len(rows) < LEAST or len(classes) < 2:
        return None
    images = [explainer.preprocess(one) for _, one in there]
    named = _named(explainer, images, task) == truth[rows]
    shares = np.array([named[truth[rows] == one].mean() for one in classes])
    counts = np.array([(truth[rows] == one).sum() for one in classes])
    error = float(np.sqrt((shares * (1 - shares) / counts).sum()) / len(classes))
    return EdgeAlone(len(rows), len(classes), float(shares.mean()), float(shares.mean()) - _SURE * error)


def _spread(right: NDArray[np.int64], truth: NDArray[np.int64]) -> list[int]:
    """At most ASKED rows, the classes in turn, each in its order."""
    turn = np.zeros(len(right), dtype=np.int64)
    for one in np.unique(truth[right]):
        mine = truth[right] == one
        turn[mine] = np.arange(mine.sum())
    order = np.lexsort((truth[right], turn))
    chosen: list[int] = right[order][:ASKED].tolist()
    return chosen


def _named(explainer: Explainer, images: Sequence[torch.Tensor], task: str) -> NDArray[np.int64]:
    """The likeliest class of each picture without its middle."""
    found: list[NDArray[np.int64]] = []
    for begin in range(0, len(images), AT_ONCE):
        seen = torch.stack(list(images[begin : begin + AT_ONCE])).clone()
        side = seen.shape[-1]
        edge = round(side * (1 - MIDDLE) / 2)
        seen[:, :, edge : side - edge, edge : side - edge] = GREY
        with torch.inference_mode():
            logits = explainer.network.logits(seen)[:, explainer.layout.slices[task]]
        found.append(logits.argmax(dim=1).numpy().astype(np.int64))
    return np.concatenate(found)
