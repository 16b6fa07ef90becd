"""A vision-language model from the hub, a folder or a bundle's files. No code of a model is run.

Any class that transformers loads as `AutoModelForImageTextToText` could stand here; those are let in of which it is
known how a picture's tokens are looked at.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch

from sfumato.errors import InputError
from sfumato.models.backbone import Expects, Triple
from sfumato.models.extra import library
from sfumato.models.pretrained import pretrained
from sfumato.models.text_tower import Files
from sfumato.models.vlm.few_bits import hold_in_few_bits, packed_for
from sfumato.models.vlm.lora import add_lora
from sfumato.models.vlm.network import Vlm
from sfumato.models.vlm.spec import SETTING, TEXT, VlmSpec
from sfumato.models.vlm.wording import Wording
from sfumato.tasks import Outputs

KNOWN = ("gemma3",)
DTYPES = {"fp32": torch.float32}
"""How weights are held; those in few bits have bf16 beside them."""


def build_vlm(
    spec: VlmSpec, classes: Outputs, names: Sequence[str], mean: Triple, std: Triple, files: Files | None = None
) -> Vlm:
    """A model with random weights.

    Args:
        spec: Of the recipe. Where weights of few bits are to be loaded these begin as zeros.
        classes: Number of logits.
        names: (C) of the classes.
        mean: Subtracted from the pixels, per channel, on a scale of 0 to 1.
        std: The pixels are divided by it, per channel, on a scale of 0 to 1.
        files: What a bundle keeps of it; None = the configuration and the processor that the spec names.

    Raises:
        InputError: More than one task, a model that can't be read or is not known, or names that can't be scored.
    """
    if not isinstance(classes, int):
        what = f"{len(classes)} label columns, and a name answers one question"
        raise InputError(what, setting="model.kind", expected="one label column, or model.kind: image_text")
    config, processor = _of_files(files) if files is not None else _read(spec.source)
    side = _side(config, processor)
    wording = Wording(processor, config, spec.prompt, spec.window)
    dtype = DTYPES.get(spec.base, torch.bfloat16)
    network = library("transformers", "vlm", SETTING).AutoModelForImageTextToText.from_config(config, dtype=dtype)
    hold(network, dtype)
    if spec.few_bits is not None:
        hold_in_few_bits(network, spec.few_bits, filled=spec.weights == "none" and files is None)
    if spec.lora is not None:
        add_lora(network, spec.lora)
    return Vlm(network, wording, names, spec.head, side, mean, std, TEXT in spec.prompt)


def hold(network: Any, dtype: torch.dtype) -> None:
    """Hold the weights in a precision; but what leads from pictures to the language model, which may learn, in fp32."""
    projector = network.to(dtype).model.multi_modal_projector.float()
    projector.register_forward_pre_hook(_in_fp32)


def load_vlm(model: Vlm, spec: VlmSpec) -> str:
    """Put the pretrained weights into a model; return where they came from.

    Raises:
        InputError: They can't be fetched, or do not fit.
    """
    if spec.weights == "none":
        return "random weights"
    transformers, source = library("transformers", "vlm", SETTING), spec.source
    try:
        dtype = DTYPES.get(spec.base, torch.bfloat16)
        found = pretrained(transformers, "AutoModelForImageTextToText", source, dtype=dtype)
    except (OSError, ValueError) as error:
        raise _unread(source, error) from error
    found = packed_for(model.network, found)
    own = model.network.state_dict()
    wanted = {name: name.replace(".base_layer.", ".") for name in own if ".lora_" not in name}
    absent = [name for name in wanted.values() if name not in found]
    if absent:
        raise InputError(f"lacks {len(absent)} tensors, such as {absent[0]}", where=source, setting=SETTING)
    model.network.load_state_dict({**own, **{name: found[plain] for name, plain in wanted.items()}})
    return f"transformers {spec.title}"


def expected_by_vlm(spec: VlmSpec) -> Expects:
    """What the pictures were like that its tower was trained on."""
    config, processor = _read(spec.source)
    images = processor.image_processor
    mean, std = (cast(Triple, tuple(map(float, one))) for one in (images.image_mean, images.image_std))
    bicubic = int(getattr(images, "resample", 2)) == 3
    return Expects(_side(config, processor), mean, std, "bicubic" if bicubic else "bilinear")


def _side(config: Any, processor: Any) -> int:
    """Side of its pictures, pixels.

    Raises:
        InputError: The processor makes pictures of another size than the tower looks at.
    """
    side, size = int(config.vision_config.image_size), processor.image_processor.size
    made = {int(size[name]) for name in ("height", "width") if size[name]}
    if made != {side}:
        what = f"the processor makes pictures of {' x '.join(map(str, sorted(made)))} px, and the model looks at {side}"
        raise InputError(what, setting=SETTING, expected="the processor that belongs to the model")
    return side


def _of_files(files: Files) -> tuple[Any, Any]:
    with tempfile.TemporaryDirectory() as name:
        for file, content in files.items():
            (Path(name) / Path(file).name).write_bytes(content)
        return _read(name)


def _read(source: str) -> tuple[Any, Any]:
    """Configuration and processor."""
    transformers = library("transformers", "vlm", SETTING)
    try:
        config = transformers.AutoConfig.from_pretrained(source, trust_remote_code=False)
        processor = transformers.AutoProcessor.from_pretrained(source, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise _unread(source, error) from error
    if config.model_type not in KNOWN:
        what = f"{source} is a model of the type {config.model_type}"
        raise InputError(what, setting=SETTING, expected=", ".join(KNOWN))
    return config, processor


def _unread(source: str, error: Exception) -> InputError:
    cause = (str(error).strip().splitlines() or ["no reason given"])[0][:160]
    return InputError(
        f"transformers can't read {source} ({cause})",
        setting=SETTING,
        mend="allow the network (HF_ENDPOINT names a mirror), or copy the files here and write folder: PATH",
    )


def _in_fp32(_: object, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return tuple(one.float() for one in inputs)
