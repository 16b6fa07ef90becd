"""How answers to the same pictures are scored, and by how much one is better: N pictures, C classes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sfumato.metrics.classification import SCORES, ScoreName, answer_counts
from sfumato.metrics.intervals import Interval, score_interval, share_interval
from sfumato.metrics.label_scores import label_scores, selection_scores
from sfumato.metrics.paired import paired_difference
from sfumato.metrics.paired_labels import LabelAnswers, label_difference
from sfumato.multilabel_predictions import AnyPredictions

Logits = NDArray[np.floating]
Rows = NDArray[np.bool_]


@dataclass(frozen=True)
class Judge:
    """Scores (N, C) logits by what is true."""

    table: AnyPredictions
    """The pictures, something of each known; its logits are not looked at."""
    by: ScoreName
    """The score where each picture is of one class; of several it is mAP, as their thresholds are found afterwards."""

    @property
    def score_name(self) -> str:
        """The score's name in results."""
        return self.by if self.table.truth.ndim == 1 else "map"

    def score(self, logits: Logits, rows: Rows) -> float:
        """The score over some pictures, 0 to 1."""
        truth = self.table.truth[rows]
        if truth.ndim == 2:
            return selection_scores(truth, logits[rows], logits[rows] > 0)["map"]
        return float(SCORES[self.by](answer_counts(truth.astype(np.int64), _likeliest(logits[rows]), logits.shape[1])))

    def interval(self, logits: Logits) -> Interval | None:
        """The score with its interval; None without a class that has a picture."""
        truth, groups = self.table.truth, self.table.groups
        if truth.ndim == 2:
            return label_scores(truth, logits, logits > 0, groups).get("map")
        so, said = truth.astype(np.int64), _likeliest(logits)
        if self.by == "accuracy":
            return share_interval(so == said, groups)
        return score_interval(so, said, logits.shape[1], SCORES[self.by], groups)

    def further(self, one: Logits, other: Logits) -> Interval:
        """How much higher the first scores, paired."""
        truth, groups = self.table.truth, self.table.groups
        if truth.ndim == 2:
            first, second = (LabelAnswers(logits, logits > 0) for logits in (one, other))
            return label_difference(truth, first, second, "map", groups)
        so = truth.astype(np.int64)
        return paired_difference(so, _likeliest(one), _likeliest(other), self.by, groups)


def _likeliest(logits: Logits) -> NDArray[np.int64]:
    return logits.argmax(axis=1).astype(np.int64)
