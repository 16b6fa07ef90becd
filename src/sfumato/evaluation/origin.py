"""Whether a bundle was trained on the pictures that it is to be measured on, as far as that can be known."""

from dataclasses import dataclass
from pathlib import Path

from sfumato.data.same_pictures import shared
from sfumato.data.table import Table
from sfumato.run_folder import RunFolder

UNKNOWN = (
    "whether it was trained on any of these images can't be known here: a bundle names no training image, and its "
    "run's folder is not around it"
)


@dataclass(frozen=True)
class Overlap:
    """Samples of which the run has seen a picture: the same file, or the same bytes."""

    trained: int
    """In a train part: a figure on them says nothing of other images."""
    chosen: int
    """In a val part alone, which chose weights, temperature and thresholds: optimistic."""

    @property
    def warning(self) -> str | None:
        """What to know of the figures; None = nothing."""
        if not self.trained and not self.chosen:
            return None
        return (
            f"{self.trained} of these samples show images that it was trained on, and {self.chosen} such as chose its "
            "weights or its decision: the figures are optimistic"
        )


def overlap_with(bundle: Path, table: Table) -> Overlap | None:
    """How many samples the run knows whose bundle this is; None = its folder, or its folds', is not around the bundle.

    A picture that was changed or stored anew is not found again.
    """
    tables = [run.read_table() for run in runs_around(bundle) if (run.data / "table.parquet").is_file()]
    if not tables:
        return None
    trained = set(shared(table, [one.part("train") for one in tables]))
    chosen = set(shared(table, [one.part("val") for one in tables]))
    return Overlap(len(trained), len(chosen - trained))


def runs_around(bundle: Path) -> list[RunFolder]:
    """The run around a bundle, or the folds of a cross-validation; where there is none, folders that hold no table."""
    folder = bundle.resolve()
    roots = [folder.parent, folder] if folder.name == "bundle" else [folder]
    found = [run for root in roots for run in (root, *sorted(root.glob("fold-*")))]
    return [RunFolder(run) for run in found]
