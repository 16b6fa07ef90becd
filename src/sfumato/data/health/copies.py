"""Findings about pictures that are the same, or nearly: doubled, of two classes, or on both sides of a split."""

import polars as pl

from sfumato.data.duplicates.collecting import collect
from sfumato.data.duplicates.fingerprint_cache import FingerprintCache
from sfumato.data.duplicates.search import find_duplicates
from sfumato.data.health.findings import Finding, finding
from sfumato.data.images import decode
from sfumato.data.progress import Progress

_SIDES = ("id", "label", "part", "image")
SAMPLE_PAIRS = (*(name for side in _SIDES for name in (side, f"other_{side}")), "kind", "similarity")
"""Columns of pairs of samples."""


def copy_findings(pictures: pl.DataFrame, pairs: pl.DataFrame) -> list[Finding]:
    """All of this family, from pictures with their facts and pairs of them."""
    both = with_samples(pictures, pairs)
    other_class = pl.col("label") != pl.col("other_label")
    other_part = pl.col("part") != pl.col("other_part")
    classes = pl.format("{} and {}", "label", "other_label")
    whose = pl.when(other_class).then(classes).otherwise("label")
    parts = pl.format("{} and {}, {}", "part", "other_part", _alike())
    return [
        *finding("conflicting-labels", both.filter(other_class).with_columns(detail=classes)),
        *finding("leak-duplicates", both.filter(other_part).with_columns(detail=parts)),
        *finding("exact-duplicate", both.filter(pl.col("kind") == "exact").with_columns(detail=whose)),
        *finding("near-duplicate", both.filter(pl.col("kind") == "near").with_columns(detail=_alike())),
        *_leaking_groups(pictures),
    ]


def with_samples(pictures: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Pairs of samples: id, image, label, part and the same with `other_`, kind, similarity; the surest first."""
    one = pictures.select(*_SIDES)
    other = one.rename({name: f"other_{name}" for name in one.columns})
    both = pairs.join(one, left_on="a", right_on="image").join(other, left_on="b", right_on="other_image")
    both = both.rename({"a": "image", "b": "other_image"}).filter(pl.col("id") != pl.col("other_id"))
    both = pl.concat([both, _same_file(one)], how="diagonal_relaxed")
    return both.select(*SAMPLE_PAIRS).sort("similarity", "id", "other_id", descending=[True, False, False])


def _same_file(one: pl.DataFrame) -> pl.DataFrame:
    """Samples that name the very same file: each with the one before it."""
    doubled = one.filter(pl.col("image").is_duplicated()).sort("image", "id")
    before = [pl.col(name).shift(1).over("image").alias(f"other_{name}") for name in ("id", "label", "part")]
    found = doubled.with_columns(*before, other_image=pl.col("image"), kind=pl.lit("exact"), similarity=pl.lit(1.0))
    return found.filter(pl.col("other_id").is_not_null() & (pl.col("other_id") != pl.col("id")))


def _leaking_groups(pictures: pl.DataFrame) -> list[Finding]:
    parts = pl.col("part").unique().drop_nulls().sort().str.join(" and ").over("group")
    grouped = pictures.filter(pl.col("group").is_not_null()).sort("group", "part", "id")
    leaking = grouped.filter(pl.col("part").n_unique().over("group") > 1)
    named = leaking.with_columns(detail=pl.format("group {} is in {}", "group", parts))
    return finding("leak-groups", named.unique(["group", "part"], keep="first", maintain_order=True))


def find_pairs(facts: pl.DataFrame, cache: FingerprintCache, progress: Progress) -> pl.DataFrame:
    """Pictures that are the same or nearly, as `find_duplicates` gives them; what is not kept of them is made again."""
    usable = facts.filter(pl.col("code").is_null())["image"].to_list()
    return find_duplicates(collect(usable, decode, cache, progress), progress)


def _alike() -> pl.Expr:
    share = (100 * pl.col("similarity")).floor().cast(pl.Int64)
    return pl.when(pl.col("kind") == "exact").then(pl.lit("the same pixels")).otherwise(pl.format("{} % alike", share))
