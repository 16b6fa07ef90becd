"""How well 8 pixels of the border tell the class: what they know, a network may learn instead of the object.

On PlantVillage 8 background pixels name 49 % of 38 classes (Noyan, "Uncovering bias in the PlantVillage dataset").
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sfumato.data.health.findings import Finding, finding

FOLDS = 5
LEAST = 10
"""Samples (clusters, where some are alike) of a class, below which the class is not asked about."""
MOST = 5_000
"""Samples that are asked about, spread evenly over each class: enough for 2 digits, in seconds."""
TREES = 100
TIMES_CHANCE = 5.0
"""Beyond so many times chance the border is said to tell the class ..."""
HALF_WAY = 0.5
"""... or, where few classes make that impossible, beyond so much of the way from chance to certainty."""
_SURE = 2.33
"""Standard errors above chance: 99 %, one-sided."""


@dataclass(frozen=True)
class Probe:
    """What came out."""

    score: float
    """Balanced accuracy, 0 to 1, on pictures it was not fitted on: mean over the classes of the share it found."""
    low: float
    """Lower end of its one-sided 99 % interval."""
    classes: int
    samples: int
    right: pl.DataFrame = field(default_factory=pl.DataFrame)
    """id, image, detail (the class) of the pictures it named rightly, classes in turn."""

    @property
    def chance(self) -> float:
        """Balanced accuracy of guessing, and of always naming the most frequent class."""
        return 1 / self.classes

    @property
    def limit(self) -> float:
        """From here on it is a finding."""
        return min(TIMES_CHANCE * self.chance, self.chance + HALF_WAY * (1 - self.chance))

    @property
    def tells(self) -> bool:
        """Whether the border gives the class away."""
        return self.score >= self.limit and self.low > self.chance

    @property
    def summary(self) -> str:
        """In words."""
        return (
            f"8 border pixels name {self.score:.1%} rightly, guessing would {self.chance:.1%} "
            f"(mean of {self.classes} classes, {self.samples:,} pictures)"
        )


def probe(pictures: pl.DataFrame, clusters: Sequence[str] | Sequence[int]) -> Probe | None:
    """Fit and measure it, with pictures of one cluster or one group always in the same fold.

    Args:
        pictures: N pictures with their facts, sorted by id.
        clusters: N names or numbers; pictures that are nearly the same have the same.

    Returns:
        None where fewer than two classes have enough pictures.
    """
    rows = pictures.with_columns(pl.Series("cluster", list(clusters)))
    rows = rows.with_columns(unit=pl.coalesce("group", pl.format("cluster {}", "cluster")))
    rows = rows.filter(pl.col("border").is_not_null() & pl.col("label").is_not_null())
    rows = rows.filter(pl.col("unit").n_unique().over("label") >= LEAST)
    classes = rows["label"].n_unique()
    if classes < 2:
        return None
    rows = _at_most(rows, max(LEAST, MOST // classes))
    named = _named_rightly(rows)
    right = rows.filter(pl.Series(named)).with_columns(turn=pl.col("id").cum_count().over("label"))
    return Probe(
        *_balanced(rows["label"], named), classes, len(rows), right.sort("turn", "label").with_columns(detail="label")
    )


def probe_findings(result: Probe | None) -> list[Finding]:
    """A finding where the border gives the class away."""
    return finding("background-probe", result.right, result.summary) if result and result.tells else []


def _at_most(rows: pl.DataFrame, count: int) -> pl.DataFrame:
    """So many of each class, evenly spread over its ids."""
    size, place = pl.len().over("label"), pl.col("id").cum_count().over("label")
    share = pl.min_horizontal(pl.lit(1.0), count / size)
    return rows.filter((place * share).floor() > ((place - 1) * share).floor())


def _named_rightly(rows: pl.DataFrame) -> NDArray[np.bool_]:
    """(N,) whether each picture was named rightly by a forest that had not seen it or its like."""
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.model_selection import StratifiedGroupKFold

    x = np.frombuffer(b"".join(rows["border"].to_list()), dtype=np.uint8).reshape(len(rows), -1)
    y = np.unique(rows["label"].to_numpy(), return_inverse=True)[1]
    unit = np.unique(rows["unit"].to_numpy(), return_inverse=True)[1]
    named = np.zeros(len(rows), dtype=np.bool_)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for seen, unseen in folds.split(x, y, unit):
        forest = ExtraTreesClassifier(TREES, class_weight="balanced", random_state=0, n_jobs=-1)
        forest.fit(x[seen], y[seen])
        named[unseen] = forest.predict(x[unseen]) == y[unseen]
    return named


def _balanced(label: pl.Series, named: NDArray[np.bool_]) -> tuple[float, float]:
    """Balanced accuracy and the lower end of its interval, by the normal approximation."""
    of_class = pl.DataFrame({"label": label, "named": named}).group_by("label").agg(pl.col("named").mean(), n=pl.len())
    found, n = of_class["named"].to_numpy().astype(np.float64), of_class["n"].to_numpy().astype(np.float64)
    error = float(np.sqrt((found * (1 - found) / n).sum()) / len(found))
    return float(found.mean()), float(found.mean()) - _SURE * error
