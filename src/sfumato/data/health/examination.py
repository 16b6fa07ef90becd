"""Everything that is found in a table of samples, in the order of the work: look, compare, probe, conclude."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from sfumato.data.addresses import pictures_of
from sfumato.data.duplicates.fingerprint_cache import FingerprintCache
from sfumato.data.duplicates.pairs_cache import remembered
from sfumato.data.duplicates.search import clusters
from sfumato.data.health.cache import cache_of
from sfumato.data.health.classes import class_counts, class_findings
from sfumato.data.health.copies import copy_findings, find_pairs, with_samples
from sfumato.data.health.files import file_findings
from sfumato.data.health.findings import Finding, most_severe_first, pictures_with_facts
from sfumato.data.health.looks import look_findings
from sfumato.data.health.probe import Probe, probe, probe_findings
from sfumato.data.health.survey import survey
from sfumato.data.health.texts import text_findings
from sfumato.data.health.usable import left_out
from sfumato.data.progress import Progress
from sfumato.data.table import Table

Stages = Callable[[str], Progress]
"""What is being done -> how it is shown."""


@dataclass(frozen=True, eq=False)
class Examined:
    """A data set and what is wrong with it."""

    source: Path
    table: Table
    pictures: pl.DataFrame
    """As `pictures_with_facts` gives them."""
    pairs: pl.DataFrame
    """Pairs of samples that look alike: id, image, label, part, the same with `other_`, kind, similarity."""
    probe: Probe | None
    """None where too few pictures have a class for it."""
    findings: tuple[Finding, ...]
    """Most severe first."""

    @property
    def bad(self) -> pl.DataFrame:
        """Samples that training would leave out: id, image, problem."""
        return left_out(self.table, self.pictures.filter(pl.col("place") == 0).select("id", "problem"))

    @property
    def classes(self) -> pl.DataFrame:
        """As `class_counts` gives them."""
        return class_counts(self.table, self.pictures)


def examine(table: Table, source: Path, stages: Stages, workers: int | None = None) -> Examined:
    """Look at every picture of a table and say what is wrong. What was seen before and has not changed is remembered.

    Args:
        table: With the parts that the data gives, and no others.
        source: Where the table came from; what is remembered is kept apart by it.
        stages: Shows how far each stage is.
        workers: Threads; None = as many as processors. What is found does not depend on it.
    """
    pictures, pairs = _look(table, source, stages, workers)
    probed = probe(pictures, clusters(pairs, pictures["image"].fill_null("").to_list()))
    findings = (
        *file_findings(pictures, source),
        *look_findings(pictures),
        *class_findings(table, pictures),
        *copy_findings(pictures, pairs),
        *probe_findings(probed),
        *text_findings(table),
    )
    return Examined(source, table, pictures, with_samples(pictures, pairs), probed, most_severe_first(findings))


def _look(table: Table, source: Path, stages: Stages, workers: int | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The pictures with their facts, and the pairs of them that look alike."""
    addresses = pictures_of(table)["image"].drop_nulls().to_list()
    with FingerprintCache() as prints:
        facts = survey(addresses, cache_of(source), prints, stages("looking at every picture"), workers)
        pairs = remembered(facts["image"].to_list(), lambda: find_pairs(facts, prints, stages("looking for copies")))
    return pictures_with_facts(table, facts), pairs
