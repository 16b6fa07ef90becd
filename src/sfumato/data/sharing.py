"""Looking at every picture before training: which can be used, and which are nearly the same. Runs may share it."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from sfumato.data.decoded_cache import DecodedCache
from sfumato.data.duplicates.clustering import with_clusters
from sfumato.data.health.usable import leave_out_bad
from sfumato.data.pictures import Pictures
from sfumato.data.progress import Progress
from sfumato.data.table import Table

Stages = Callable[[str], Progress]
"""What is being done -> how it is shown."""


@dataclass(frozen=True)
class Seen:
    """What was seen."""

    usable: Table
    """Samples that can be used, with their clusters of near-duplicates if these were looked for."""
    bad: pl.DataFrame
    """The others: id, image, problem."""


class Sharing:
    """Looks at the pictures of a table once, for all runs in one process that share it, and the decoded pictures too.

    None of it depends on how samples are split. Other samples are looked at anew; of a file that changed in between,
    the picture that was decoded first is kept, so that all runs train on the same one.

    Args:
        room: Bytes for decoded pictures.
        least: As for `Pictures`.
        cache: As for `Pictures`.
    """

    def __init__(self, room: float, least: int | None = None, cache: DecodedCache | None = None) -> None:
        self.pictures = Pictures(room, least, cache)
        self._seen: tuple[Table, bool, Seen] | None = None

    def __call__(self, table: Table, stages: Stages, *, clusters: bool) -> Seen:
        """What there is to see.

        Args:
            table: As its source gives it, before any split.
            stages: Shows how far each stage is.
            clusters: Whether near-duplicates are looked for.

        Raises:
            InputError: What can be used has fewer than two classes.
        """
        if self._seen is not None and clusters == self._seen[1] and _alike(table, self._seen[0]):
            return self._seen[2]
        usable, bad = leave_out_bad(table, self.pictures, stages("looking at every image"))
        self.pictures.settle()
        found = Seen(with_clusters(usable, self.pictures, stages) if clusters else usable, bad)
        self._seen = table, clusters, found
        return found


def _alike(one: Table, other: Table) -> bool:
    return one.tasks == other.tasks and one.rows.equals(other.rows)
