"""What a tracker is, and what it is given of an epoch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, cast

from sfumato.training.records import PREFIXES, EpochDone


class Tracker(Protocol):
    """One run in one service."""

    @property
    def id(self) -> str:
        """By which the service finds the run again when the training goes on."""
        ...

    def scalars(self, figures: Mapping[str, float], step: int) -> None:
        """Figures at a step."""
        ...

    def result(self, figures: Mapping[str, float]) -> None:
        """Figures of the finished run."""
        ...

    def picture(self, name: str, path: Path) -> None:
        """A PNG to look at."""
        ...

    def files(self, paths: list[Path]) -> None:
        """Files of the finished run."""
        ...

    def end(self, *, failed: bool) -> None:
        """No more comes; `failed` where the training was interrupted or went wrong."""
        ...


def scalars_of(record: EpochDone) -> dict[str, float]:
    """Every number of an epoch by the name that TensorBoard has for it: train/loss, val/macro_f1, run/lr."""
    found: dict[str, float] = {}
    for name, value in record.cells().items():
        if isinstance(value, int | float) and name != "step":
            part, _, what = name.partition("_")
            found[f"{part}/{what}" if part in ("train", *PREFIXES.values()) else f"run/{name}"] = float(value)
    return found


def flat(document: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """A recipe as path -> value: train.optimizer.lr; lists stay whole."""
    found: dict[str, Any] = {}
    for name, value in document.items():
        path = f"{before}{name}"
        inner = cast(Mapping[str, Any], value) if isinstance(value, Mapping) else None
        found |= {path: value} if inner is None else flat(inner, f"{path}.")
    return found
