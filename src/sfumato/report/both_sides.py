"""Pictures that look nearly the same and stand in different parts of the data, in pairs."""

from dataclasses import dataclass
from pathlib import PurePath

import polars as pl

from sfumato.data.table import Table
from sfumato.report import thumbnails

SHOWN = 12


@dataclass(frozen=True)
class Pair:
    """Two samples that look alike."""

    parts: str
    """Of both: test and train."""
    images: tuple[str | None, str | None]
    """Address of each one's picture."""
    thumbnails: tuple[str | None, str | None]
    """JPEG data URIs; None where a file is missing."""

    @property
    def names(self) -> str:
        """File names."""
        return " · ".join(PurePath(image).name for image in self.images if image)


@dataclass(frozen=True)
class BothSides:
    """How many samples of val and test have a relative in a part that came before them, and the first of them."""

    samples: int
    pairs: tuple[Pair, ...]


def both_sides(table: Table) -> BothSides | None:
    """Look for them among the clusters that the split was made with; None where there are none."""
    rows = table.rows.select("id", "cluster", "part", image=pl.col("images").list.first()).drop_nulls("cluster")
    found = [_of(rows, part, earlier) for part, earlier in (("test", ["train", "val"]), ("val", ["train"]))]
    both = pl.concat(found)
    if not len(both):
        return None
    pairs = tuple(
        Pair(f"{part} and {other}", (image, second), (_thumbnail(image), _thumbnail(second)))
        for part, image, other, second in both.head(SHOWN)
        .select("part", "image", "part_right", "image_right")
        .iter_rows()
    )
    return BothSides(len(both), pairs)


def _of(rows: pl.DataFrame, part: str, earlier: list[str]) -> pl.DataFrame:
    """The samples of a part that have a relative in an earlier one, each with the first of them."""
    others = rows.filter(pl.col("part").is_in(earlier)).sort("part", "id").unique("cluster", keep="first")
    return rows.filter(pl.col("part") == part).join(others, on="cluster").sort("id")


def _thumbnail(image: str | None) -> str | None:
    return None if image is None else thumbnails.of_file(image)
