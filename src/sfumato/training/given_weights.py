"""Class weights that a person gives, by name: read from their file, and checked against the classes there are."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sfumato.errors import InputError
from sfumato.json_file import read_text
from sfumato.losses.class_weights import FileWeightsSpec, GivenWeightsSpec, class_weights
from sfumato.training.keyframe import Keyframe
from sfumato.training.plan import Plan

HEADER = ["class", "weight"]


def with_read_weights(keyframes: Sequence[Keyframe]) -> tuple[Keyframe, ...]:
    """The keyframes with every file of class weights read into them, so that a run depends on no file but its own.

    Raises:
        InputError: A file that can't be read.
    """
    return tuple(
        keyframe.model_copy(update={"class_weights": _read(keyframe.class_weights, f"timeline[{i}].class_weights")})
        if isinstance(keyframe.class_weights, FileWeightsSpec)
        else keyframe
        for i, keyframe in enumerate(keyframes)
    )


def check_given_weights(plan: Plan, names: Sequence[str], counts: NDArray[np.int64]) -> None:
    """Refuse given weights whose names are not those of the classes, or that are 0 for all that is trained on.

    Args:
        plan: Of a training.
        names: The C classes.
        counts: (C,) training images.

    Raises:
        InputError: With the recipe path, and the nearest class.
    """
    for change in plan.class_weights:
        if isinstance(change.value, GivenWeightsSpec):
            try:
                class_weights(change.value, torch.from_numpy(counts.astype(np.float32)), names)
            except InputError as error:
                raise error.about(f"{change.setting}.weights") from None


def _read(spec: FileWeightsSpec, setting: str) -> GivenWeightsSpec:
    path = Path(spec.file)
    if not path.is_file():
        raise InputError(f"no such file: {path}", setting=f"{setting}.file")
    reader = csv.reader(read_text(path).splitlines())
    rows = [(reader.line_num, row) for row in reader if row]
    if not rows or [cell.strip().lower() for cell in rows[0][1]] != HEADER:
        raise InputError("no table of class weights", where=str(path), expected="a first line `class,weight`")
    weights: dict[str, float] = {}
    for number, row in rows[1:]:
        name, weight = row[0].strip(), _number(row)
        if weight is None or name in weights:
            what = f"{name!r} a second time" if name in weights else ",".join(row)
            raise InputError(f"found {what}", where=f"{path}:{number}", expected="a class, and its weight from 0 on")
        weights[name] = weight
    if not weights:
        raise InputError("no weight in it", where=str(path), expected="a line for every class")
    return GivenWeightsSpec(weights=weights, mean_over=spec.mean_over)


def _number(row: list[str]) -> float | None:
    try:
        weight = float(row[1]) if len(row) == 2 else -1.0
    except ValueError:
        return None
    return weight if 0 <= weight < float("inf") else None
