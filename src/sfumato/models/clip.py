"""OpenCLIP: an image and a text tower that were trained together.

Both are built from OpenCLIP's own configuration, which the bundle keeps whole, its activation included: weights trained
with QuickGELU give other features with GELU, and the name of a model does not tell which it was.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import torch
from pydantic import Discriminator, Field, Tag
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from sfumato.errors import InputError, nearest_name
from sfumato.models.backbone import Expects
from sfumato.models.extra import library
from sfumato.models.heads import HeadSpec, MlpHeadSpec
from sfumato.models.missing import LearnedSpec, MissingSpec
from sfumato.models.text_tower import Files, TextTower
from sfumato.models.weights import WeightsFrom, form
from sfumato.shown import OfSeveral
from sfumato.spec import Spec

CONFIG = "clip.json"
"""File of a bundle that holds the configuration."""
Config = dict[str, Any]


class ClipTowersSpec(Spec):
    """Both towers of an OpenCLIP model, which were trained to meet."""

    name: Annotated[str, Field(min_length=1)]
    """OpenCLIP's name of the architecture, such as ViT-B-16 or ViT-L-14."""
    weights: Annotated[
        Annotated[Literal["none"], Tag("word")] | Annotated[WeightsFrom, Tag("from")], Discriminator(form)
    ] = WeightsFrom(tag="openai")
    """A tag OpenCLIP knows, such as openai or laion2b_s34b_b79k, or a file; `none` = random."""


class ClipSpec(Spec):
    """An OpenCLIP model: both its towers below one head."""

    kind: Literal["clip"] = "clip"
    name: Annotated[str, Field(min_length=1)]
    """OpenCLIP's name of the architecture, such as ViT-B-32 or ViT-L-14."""
    weights: Annotated[
        Annotated[Literal["none"], Tag("word")] | Annotated[WeightsFrom, Tag("from")], Discriminator(form)
    ] = WeightsFrom(tag="openai")
    """A tag OpenCLIP knows, such as openai or laion2b_s34b_b79k, or a file; `none` = random."""
    pictures: OfSeveral = "first"
    """Of a sample that has several pictures: the `first`; a `random` one each time it trains, the first elsewhere; or
    `mean_pool`: all of them, their features averaged."""
    missing: MissingSpec = LearnedSpec()
    """What stands in for a picture or a text that a sample has not."""
    head: HeadSpec = MlpHeadSpec()
    """What stands on the features of both."""

    @property
    def title(self) -> str:
        """What it is called in reports."""
        return f"OpenCLIP {self.name}"


AnyClip = ClipSpec | ClipTowersSpec


def config_of(spec: AnyClip) -> Config:
    """OpenCLIP's configuration of a model, with the activation that its weights were trained with.

    Raises:
        InputError: OpenCLIP is not installed, or has no such model or tag, or the model reads texts in another way.
    """
    clip = _library()
    config = cast(Config | None, clip.get_model_config(spec.name))
    if config is None:
        near = nearest_name(spec.name, clip.list_models())
        raise InputError(f"OpenCLIP has no {spec.name!r}", setting="model.name", nearest=near)
    text = config["text_cfg"]
    if "multimodal_cfg" in config or "hf_model_name" in text or "hf_tokenizer_name" in text:
        what = f"{spec.name} has a tokenizer of its own"
        raise InputError(what, setting="model.name", expected="a model with CLIP's, or model.kind: image_text")
    tag = spec.weights.tag if isinstance(spec.weights, WeightsFrom) else None
    quick = bool(config.get("quick_gelu")) or (tag is not None and bool(_trained(spec.name, tag).get("quick_gelu")))
    return {**{key: config[key] for key in ("embed_dim", "vision_cfg", "text_cfg")}, "quick_gelu": quick}


def expected_by(spec: AnyClip) -> Expects:
    """What the pictures were like that its image tower was trained on."""
    config, clip = config_of(spec), _library()
    tag = spec.weights.tag if isinstance(spec.weights, WeightsFrom) else None
    trained = _trained(spec.name, tag) if tag else {}
    mean, std = trained.get("mean") or clip.OPENAI_DATASET_MEAN, trained.get("std") or clip.OPENAI_DATASET_STD
    size = cast(int | list[int], config["vision_cfg"].get("image_size", 224))
    bilinear = trained.get("interpolation") == "bilinear"
    return Expects(
        size if isinstance(size, int) else size[0],
        cast(tuple[float, float, float], tuple(mean)),
        cast(tuple[float, float, float], tuple(std)),
        "bilinear" if bilinear else "bicubic",
    )


def build_towers(spec: AnyClip, image_size: int, files: Files | None) -> tuple["ClipImage", "ClipText"]:
    """Both towers with random weights; from a bundle's files where there are some."""
    config = config_of(spec) if files is None else cast(Config, json.loads(files[CONFIG]))
    sized = {**config, "vision_cfg": {**config["vision_cfg"], "image_size": image_size}}
    model = _library().CustomTextCLIP(**json.loads(json.dumps(sized)))
    return ClipImage(model.visual), ClipText(model.text, config)


def load_towers(
    image: "ClipImage", text: "ClipText", spec: AnyClip, image_size: int, log_scale: Tensor | None = None
) -> str:
    """Put pretrained weights into both towers; return where they came from.

    Args:
        image: The image tower.
        text: The text tower.
        spec: Names the weights.
        image_size: Side in pixels that the image tower was built for.
        log_scale: () overwritten with the logarithm of what cosines were multiplied by; None = nobody asks.

    Raises:
        InputError: They can't be fetched, or do not fit.
    """
    if not isinstance(spec.weights, WeightsFrom):
        return "random weights"
    source = spec.weights.tag or spec.weights.file
    if source is None:
        raise InputError("a package", setting="model.weights", expected="a tag or a file")
    quick = bool(text.config["quick_gelu"])
    try:
        made = (
            _library()
            .create_model(
                spec.name, source, force_quick_gelu=quick, force_custom_text=True, force_image_size=image_size
            )
            .float()
        )
    except (OSError, RuntimeError, ValueError) as error:
        cause = (str(error).strip().splitlines() or ["no reason given"])[0][:160]
        mend = "allow the network (HF_ENDPOINT names a mirror), or copy the file here and write {file: PATH}"
        raise InputError(f"{spec.name} {source} can't be had ({cause})", setting="model.weights", mend=mend) from error
    image.visual.load_state_dict(made.visual.state_dict())
    text.text.load_state_dict(made.text.state_dict())
    if log_scale is not None:
        log_scale.data.copy_(made.logit_scale.data)
    return f"OpenCLIP {spec.name} {Path(source).name}, {'QuickGELU' if quick else 'GELU'}"


class ClipImage(nn.Module):
    """OpenCLIP's image tower, for any size that is a multiple of its patches."""

    def __init__(self, visual: nn.Module) -> None:
        super().__init__()
        self.visual = visual

    def forward(self, images: Tensor) -> Tensor:
        """(P, 3, H, W), normalised -> (P, D).

        Raises:
            ValueError: A size that its patches do not fill.
        """
        table, patch = getattr(self.visual, "positional_embedding", None), getattr(self.visual, "patch_size", None)
        if not isinstance(table, Tensor) or patch is None or table.ndim != 2:
            return self.visual(images)
        side = patch if isinstance(patch, int) else cast(tuple[int, int], patch)[0]
        if images.shape[-1] % side:
            raise ValueError(f"its patches are {side} px, and {images.shape[-1]} is no multiple of that")
        places = resized(table, images.shape[-1] // side)
        return cast(Tensor, torch.func.functional_call(self.visual, {"positional_embedding": places}, (images,)))

    def checkpoint_gradients(self) -> None:
        """Compute activations anew in the backward pass instead of keeping them."""
        cast(Any, self.visual).set_grad_checkpointing(True)


class ClipText(TextTower):
    """OpenCLIP's text tower with CLIP's own byte pairs.

    Args:
        text: The tower.
        config: Of the whole model, for the bundle.
    """

    def __init__(self, text: nn.Module, config: Config) -> None:
        super().__init__()
        self.text, self.config = text, config
        self.width = int(config["embed_dim"])
        self.window = int(config["text_cfg"].get("context_length", 77))
        self._tokenizer = _library().SimpleTokenizer(context_length=self.window)

    def tokens(self, text: str) -> list[int]:
        """The byte pairs of a text between the marks of its start and its end."""
        pairs = cast(list[int], self._tokenizer.encode(text))
        return [int(self._tokenizer.sot_token_id), *pairs, int(self._tokenizer.eot_token_id)]

    def cut(self, tokens: list[int]) -> list[int]:
        """The first tokens, and the mark of the end."""
        return tokens if len(tokens) <= self.window else [*tokens[: self.window - 1], tokens[-1]]

    def forward(self, ids: Tensor, there: Tensor) -> Tensor:
        """(B, L) tokens -> (B, D), read at the mark of the end; what stands after it is never looked at."""
        del there
        return cast(Tensor, self.text(F.pad(ids, (0, self.window - ids.shape[1]))))

    def files(self) -> Files:
        """The configuration of the whole model; the byte pairs are part of OpenCLIP."""
        return {CONFIG: json.dumps(self.config, indent=2, sort_keys=True).encode()}

    def checkpoint_gradients(self) -> None:
        """Compute activations anew in the backward pass instead of keeping them."""
        cast(Any, self.text).set_grad_checkpointing(True)


def resized(table: Tensor, side: int) -> Tensor:
    """(1 + G * G, D) places of a class token and a grid -> (1 + side * side, D), bicubic between the old ones.

    As OpenCLIP resizes them when it loads weights for another size.
    """
    grid = round((len(table) - 1) ** 0.5)
    if grid == side:
        return table
    square = table[1:].reshape(1, grid, grid, -1).permute(0, 3, 1, 2).float()
    larger = F.interpolate(square, size=(side, side), mode="bicubic", antialias=True, align_corners=False)
    places = larger.permute(0, 2, 3, 1).reshape(side * side, -1).to(table.dtype)
    return torch.cat([table[:1], places])


def _trained(name: str, tag: str) -> dict[str, Any]:
    """What OpenCLIP knows of the weights of a tag."""
    clip = _library()
    found = cast(dict[str, Any] | None, clip.get_pretrained_cfg(name, tag))
    if not found:
        tags = cast(list[str], clip.list_pretrained_tags_by_model(name))
        what = f"OpenCLIP has no {tag!r} for {name}"
        raise InputError(what, setting="model.weights", expected=", ".join(tags), nearest=nearest_name(tag, tags))
    return found


def _library() -> Any:
    return library("open_clip", "clip", "model.kind: clip")
