"""The list of configurations of the project dual-encoder, read as recipes: medical-clip with each one's settings."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from sfumato.errors import InputError, nearest_name
from sfumato.json_file import read_text

PRESET = "medical-clip"
AUGMENT: dict[str, dict[str, Any]] = {
    "none": {},
    "minimal": {"crop": 0.9},
    "standard": {"crop": 0.8, "rotate": 10, "brightness": 0.1, "contrast": 0.1},
}
WITHOUT_EFFECT = {"gpu_id": "CUDA_VISIBLE_DEVICES says which GPU", "save_best": "the best weights are always kept"}
"""What needs no setting here, and why."""
FOLDS = ("use_cv", "n_splits")
STOP = ("early_stopping_patience", "early_stopping_min_delta", "early_stopping_monitor")
Settings = dict[str, Any]


@dataclass(frozen=True)
class Listed:
    """One configuration of a list."""

    name: str
    """Its place in the list, from 1, and its image encoder."""
    settings: Settings
    """Recipe path -> value, over the preset."""


def read_list(path: Path) -> list[Listed]:
    """The configurations of a JSON file.

    Raises:
        InputError: Not JSON, no list of objects, or a key that means nothing here; with the place in the list.
    """
    try:
        content: object = json.loads(read_text(path))
    except ValueError as error:
        raise InputError(f"not JSON: {error}", where=str(path)) from None
    if not isinstance(content, list) or not content:
        example = '[{"image_encoder_name": "resnet50", "epochs": 100}, ...]'
        raise InputError("no list of configurations", where=str(path), expected=example)
    return [_listed(path, place, one) for place, one in enumerate(cast(list[object], content), start=1)]


def _listed(path: Path, place: int, one: object) -> Listed:
    where = f"{path}: configuration {place}"
    if not isinstance(one, dict):
        raise InputError(f"found {one!r}", where=where, expected="an object of settings")
    given = cast(dict[str, Any], one)
    for key in given:
        known = [*_MAPPED, *WITHOUT_EFFECT, *FOLDS, *STOP, "text_template", "class_texts_file"]
        if key not in known:
            raise InputError(f"unknown setting {key!r}", where=where, nearest=nearest_name(key, known))
    if given.get("augmentation", "none") not in AUGMENT:
        what = f"augmentation: {given['augmentation']!r}"
        raise InputError(what, where=where, expected=f"one of {', '.join(AUGMENT)}")
    if given.get("use_cv"):
        what = "use_cv: a comparison trains each recipe once"
        mend = "sfumato crossval trains folds of each, and sfumato compare ranks the folders"
        raise InputError(what, where=where, mend=mend)
    settings = {key: value for name in given if name in _MAPPED for key, value in _MAPPED[name](given[name])}
    settings |= dict(_texts(given, path.parent, where))
    settings |= dict(_stop(given))
    return Listed(f"{path.stem}-{place}-{given.get('image_encoder_name', PRESET)}", settings)


def _image(name: str) -> Iterator[tuple[str, Any]]:
    yield "model.image", {"backbone": name, "weights": "none" if name == "starnet_dual_pyramid_rcf" else "timm"}


def _text(name: str) -> Iterator[tuple[str, Any]]:
    folder = Path(name).is_dir()
    yield "model.text", {"kind": "transformers", "folder" if folder else "hub": name}


def _at(*paths: str) -> Callable[[Any], Iterator[tuple[str, Any]]]:
    return lambda value: iter((path, value) for path in paths)


_MAPPED: dict[str, Callable[[Any], Iterator[tuple[str, Any]]]] = {
    "image_encoder_name": _image,
    "text_encoder_name": _text,
    "embed_dim": _at("model.head.embed_dim"),
    "temperature": _at("model.head.temperature"),
    "batch_size": _at("timeline[0].batch_size"),
    "img_size": _at("timeline[0].image_size"),
    "epochs": _at("train.epochs"),
    "learning_rate": _at("train.optimizer.lr"),
    "weight_decay": _at("train.optimizer.weight_decay"),
    "num_workers": _at("train.workers"),
    "use_amp": lambda value: iter((("train.precision", "auto" if value else "fp32"),)),
    "augmentation": lambda value: iter((("augment", AUGMENT[value]),)),
}
"""Key -> the recipe paths it stands for, with their values."""


def _texts(given: Mapping[str, Any], folder: Path, where: str) -> Iterator[tuple[str, Any]]:
    """A file goes before a template, as in the project."""
    if given.get("class_texts_file"):
        file = folder.absolute() / str(given["class_texts_file"])
        if not file.is_file():
            raise InputError(f"no such file of class texts: {file}", where=where)
        yield "model.texts", {"kind": "file", "file": str(file)}
    elif given.get("text_template"):
        yield "model.texts", {"kind": "template", "templates": [given["text_template"]]}


def _stop(given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """An accuracy is counted in percent there, and as a share here."""
    if given.get("early_stopping_patience") is None:
        return
    by_loss = given.get("early_stopping_monitor", "val_acc") == "val_loss"
    least = float(given.get("early_stopping_min_delta") or 0)
    monitor, delta = ("loss", least) if by_loss else ("accuracy", least / 100)
    yield "train.stop", {"patience": given["early_stopping_patience"], "min_delta": delta, "monitor": monitor}
