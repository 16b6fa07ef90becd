"""Measuring whatever decides: the bundle of one run, an ensemble, or a cascade."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sfumato.bundle.cascade import is_cascade
from sfumato.cascades.evaluating import evaluate_cascade
from sfumato.errors import InputError
from sfumato.evaluation.evaluating import evaluate as evaluate_single
from sfumato.evaluation.folder import Evaluation


def evaluate(  # noqa: PLR0913  # an option each
    bundle: str | Path,
    data: str | Path,
    *,
    overrides: Mapping[str, Any] | None = None,
    part: str | None = None,
    skip_unknown: bool = False,
    flat: str | Path | None = None,
    labels: str | Path | None = None,
    out: str | Path | None = None,
    device: str | None = None,
    quiet: bool = False,
) -> Evaluation:
    """Measure a bundle of any kind on labelled data, and write figures, tables and a page into a new folder.

    Args:
        bundle: A bundle, or the folder of what made it.
        data: Anything that `data.source` of a recipe may be; nothing of it is changed.
        overrides: How to read it: recipe path -> value, all below `data`, such as {"data.columns.label": "kind"}; of a
            cascade that may be a list with a column a stage.
        part: Only the samples of this part of the data's own split; None = all.
        skip_unknown: Leave out samples of classes that the bundle does not know, instead of refusing them.
        flat: Of a cascade: one classifier over all of its answers, to be compared with.
        labels: Of a dual encoder: a label file whose classes it is to answer with, new ones too.
        out: A new folder; None = `runs/DATA-evaluated`, numbered if need be.
        device: A torch device; None = the best there is.
        quiet: Show nothing.

    Raises:
        InputError: No such bundle or data, or they do not fit together; nothing was written.
    """
    settings: dict[str, Any] = {"overrides": overrides, "part": part, "skip_unknown": skip_unknown}
    settings |= {"out": out, "device": device, "quiet": quiet}
    if is_cascade(Path(bundle)):
        if labels is not None:
            raise InputError("other classes", where=str(bundle), expected="a dual encoder, and not a cascade")
        return evaluate_cascade(bundle, data, flat=flat, **settings)
    if flat is not None:
        raise InputError("--flat compares a cascade with one classifier", where=str(bundle), expected="a cascade")
    return evaluate_single(bundle, data, labels=labels, **settings)
