"""Checkpoints: sealed folders of tensors and JSON, whole or absent, that hold all that the next step depends on."""

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import Field, TypeAdapter, ValidationError
from torch import Tensor

from sfumato.errors import InputError, RunError
from sfumato.sealed import read_manifest, sealed_folder, stranded, verify
from sfumato.spec import Spec
from sfumato.tensor_file import read_tensors, write_tensors
from sfumato.training.duration import Duration, PositiveDurationField
from sfumato.training.feedback import Feedback
from sfumato.training.records import Averaged, AverageScored, EpochDone, Weights

FORMAT = 2
Tensors = dict[str, Tensor]


class CheckpointSpec(Spec):
    """How often training is saved; at its start, at its end and when it is interrupted it always is."""

    every: PositiveDurationField = Duration(1, "ep")
    """Between two writings of `last`."""
    keep: PositiveDurationField | None = None
    """Between two checkpoints that are kept for good, as `step-N`; none = only `last` and `best` are."""


@dataclass(frozen=True)
class Ingredient:
    """Weights of an epoch that may go into a soup."""

    epoch: Annotated[int, Field(ge=0)]
    """From 0."""
    weights: Weights
    """Which of its weights they are."""
    score: tuple[float, float]
    """(score, -loss) on validation."""


@dataclass
class Progress:
    """All of a training's state that is no tensor; it changes from step to step."""

    step: Annotated[int, Field(ge=0)] = 0
    """Steps done."""
    history: list[EpochDone] = field(default_factory=list[EpochDone])
    """Epochs done."""
    loss_sum: float = 0.0
    """Sum of the losses of the images seen in the running epoch, nats."""
    hit_sum: float = 0.0
    """Sum of the target probabilities of the predicted classes in the running epoch."""
    images: Annotated[int, Field(ge=0)] = 0
    """Images seen in the running epoch."""
    average_updates: Annotated[int, Field(ge=0)] = 0
    """Updates of the moving average (EMA); 0 = there is none."""
    mean_updates: Annotated[int, Field(ge=0)] = 0
    """Weights in the equal average (SWA); 0 = there is none."""
    feedback: Feedback = field(default_factory=Feedback)
    """State of early stopping and of a rate that falls on a plateau."""
    best_score: tuple[float, float] | None = None
    """(score, -loss) of the best weights so far, on validation."""
    best_epoch: int | None = None
    """Epoch, from 0, that holds them."""
    best_weights: Weights | Averaged | None = None
    """Which of its weights they are."""
    ingredients: list[Ingredient] = field(default_factory=list[Ingredient])
    """Of a soup, best first."""
    averages: list[AverageScored] = field(default_factory=list[AverageScored])
    """What was made and scored after the last step; empty = that is not done yet, or is not asked for."""
    scaler: dict[str, Any] = field(default_factory=dict[str, Any])
    """Of fp16 training."""


_PROGRESS = TypeAdapter(Progress)


@dataclass(frozen=True)
class Checkpoint:
    """What a folder holds."""

    progress: Progress
    model: Tensors
    optimizer: Tensors
    average: Tensors
    """Of EMA."""
    mean: Tensors = field(default_factory=dict[str, Tensor])
    """Of SWA."""
    centres: Tensors = field(default_factory=dict[str, Tensor])
    """Of the centre loss."""


PARTS = ("model", "optimizer", "average", "mean", "centres")


def save(target: Path, checkpoint: Checkpoint, *, keep: Path | None = None) -> None:
    """Write a checkpoint; what stood at `target` goes to `keep`.

    Raises:
        RunError: The disk is full or can't be written.
    """
    try:
        _remove_leftovers(target)
        with sealed_folder(target, {"format": FORMAT, "step": checkpoint.progress.step}, keep=keep) as folder:
            for name in PARTS:
                tensors = cast(Tensors, getattr(checkpoint, name))
                if tensors:
                    write_tensors(folder / f"{name}.safetensors", tensors)
            text = json.dumps(asdict(checkpoint.progress), indent=1)
            (folder / "progress.json").write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise RunError(f"{target}: the checkpoint could not be written: {error.strerror or error}") from error


def load(folder: Path) -> Checkpoint:
    """Read and verify a checkpoint.

    Raises:
        InputError: It is damaged, or of a later version.
    """
    manifest = verify(folder)
    if manifest.get("format") != FORMAT:
        raise InputError(f"checkpoint format {manifest.get('format')}", where=str(folder), expected=f"{FORMAT}")
    progress = _read_progress(folder / "progress.json")
    parts = {name: _tensors(folder / f"{name}.safetensors") for name in PARTS}
    return Checkpoint(progress, **parts)


def latest(folder: Path) -> tuple[Checkpoint, list[str]]:
    """The most advanced whole checkpoint below a run's checkpoints folder, and a warning for each damaged one met.

    Raises:
        InputError: There is none.
    """
    steps: dict[Path, int] = {}
    warnings: list[str] = []
    for candidate in _candidates(folder):
        try:
            steps[candidate] = _step(candidate)
        except InputError as error:
            warnings.append(f"skipped a damaged checkpoint: {error}")
    for candidate in sorted(steps, key=lambda candidate: -steps[candidate]):
        try:
            return load(candidate), warnings
        except InputError as error:
            warnings.append(f"skipped a damaged checkpoint: {error}")
    detail = f" ({'; '.join(warnings)})" if warnings else ""
    raise InputError(f"no checkpoint to go on from{detail}", where=str(folder), mend="start the run anew with --out")


def any_below(folder: Path) -> bool:
    """Whether a checkpoint was ever written there, whole or not."""
    return bool(_candidates(folder))


def _step(folder: Path) -> int:
    step = read_manifest(folder).get("step")
    if not isinstance(step, int):
        raise InputError("damaged: its manifest names no step", where=str(folder))
    return step


def _read_progress(path: Path) -> Progress:
    try:
        text = path.read_bytes()
        progress = _PROGRESS.validate_json(text, strict=True)
        known = _PROGRESS.dump_python(progress).keys()
        unknown = cast(dict[str, Any], json.loads(text)).keys() - known
    except (OSError, ValidationError) as error:
        what = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error.strerror
        raise InputError(f"damaged: {what}", where=str(path)) from None
    if unknown:
        raise InputError(f"damaged: unknown key {min(unknown)!r}", where=str(path))
    return progress


def _candidates(folder: Path) -> list[Path]:
    named = [folder / "last", folder / "previous", *sorted(folder.glob("step-*"))]
    return [path for path in (*named, *stranded(folder / "last")) if path.is_dir()]


def _tensors(path: Path) -> Tensors:
    return read_tensors(path) if path.is_file() else {}


def _remove_leftovers(target: Path) -> None:
    """What a crash left under a working name; its content is older than what is about to be written."""
    for path in target.parent.glob(f".{target.name}.*"):
        shutil.rmtree(path, ignore_errors=True)
