"""A text tower from transformers: any encoder with its own tokenizer, from the hub, a folder or an installed package.

No code of a model is run: `trust_remote_code` is never given, and a bundle keeps JSON, text and vocabulary files alone.
"""

import importlib.util
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from sfumato.errors import InputError, nearest_name
from sfumato.models.extra import library
from sfumato.models.pretrained import pretrained
from sfumato.models.recomputing import recompute
from sfumato.models.text_tower import Files, TextTower
from sfumato.spec import Spec

SETTING = "model.text"
KEPT = (".json", ".txt", ".model", ".vocab")
"""Endings of the files of a tokenizer that a bundle keeps."""
WELL_KNOWN = (
    *("bert-base-chinese", "bert-base-uncased", "bert-base-multilingual-cased", "distilbert-base-uncased"),
    *("hfl/chinese-roberta-wwm-ext", "hfl/chinese-macbert-base", "roberta-base", "xlm-roberta-base"),
    *("intfloat/multilingual-e5-small", "intfloat/multilingual-e5-base", "BAAI/bge-small-zh-v1.5", "BAAI/bge-m3"),
    "sentence-transformers/all-MiniLM-L6-v2",
)
"""Names on the hub that a mistyped one is compared with; any other may be given."""
Name = Annotated[str, Field(min_length=1)]


class TransformersSpec(Spec):
    """An encoder that transformers knows, with its tokenizer; exactly one of `hub`, `folder` and `package`."""

    kind: Literal["transformers"] = "transformers"
    hub: Name | None = None
    """Its name on the hub, such as bert-base-chinese."""
    folder: Name | None = None
    """A folder with config.json, the weights and the tokenizer's files, relative to the recipe's folder."""
    package: Name | None = None
    """Import name of an installed Python package; it is searched for one such folder, and never imported."""
    weights: Literal["pretrained", "none"] = "pretrained"
    """`none` = random."""
    window: Annotated[int, Field(ge=4, le=100_000)] = 256
    """Tokens of a text that are read; what follows is cut off."""
    pool: Literal["mean", "first"] = "mean"
    """How tokens become one text: their mean without padding, or the first of them, as BERT's [CLS]."""
    prefix: str = ""
    """What is put before every text, where the encoder was trained so, such as `query: `."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in ("hub", "folder", "package") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"names {' and '.join(given) or 'nothing'}; expected exactly one of hub, folder, package")
        return self

    @property
    def source(self) -> str:
        """A name on the hub, or a folder.

        Raises:
            InputError: No such folder or package.
        """
        if self.hub is not None:
            return self.hub
        return str(_in_package(self.package) if self.package is not None else _checked(Path(str(self.folder))))


class Encoder(TextTower):
    """The tower of a configuration and a tokenizer, with random weights.

    Args:
        spec: Of the recipe.
        config: As transformers reads it.
        tokenizer: Likewise.

    Raises:
        InputError: The encoder has places for fewer tokens than the window.
    """

    def __init__(self, spec: TransformersSpec, config: Any, tokenizer: Any) -> None:
        super().__init__()
        places = getattr(config, "max_position_embeddings", None)
        if places is not None and spec.window > places:
            what = f"{spec.window} tokens, and the encoder has places for {places}"
            raise InputError(what, setting=f"{SETTING}.window", expected=f"at most {places}")
        self.width, self.window = int(config.hidden_size), spec.window
        self.settings = spec.model_dump_json()
        self.encoder: nn.Module = _network(config)
        self._config, self._tokenizer, self._spec = config, tokenizer, spec

    def tokens(self, text: str) -> list[int]:
        """All tokens of the prefix and a text, with the special ones around them."""
        return cast(list[int], self._tokenizer(self._spec.prefix + text, truncation=False, verbose=False)["input_ids"])

    def cut(self, tokens: list[int]) -> list[int]:
        """The first tokens, and the last, special one at their end."""
        return tokens if len(tokens) <= self.window else [*tokens[: self.window - 1], tokens[-1]]

    def forward(self, ids: Tensor, there: Tensor) -> Tensor:
        """(B, L) tokens and (B, L) which of them are no padding -> (B, D)."""
        hidden_bld = cast(Tensor, self.encoder(input_ids=ids, attention_mask=there.long()).last_hidden_state)
        if self._spec.pool == "first":
            return hidden_bld[:, 0]
        weights_bl1 = there[:, :, None].to(hidden_bld.dtype)
        return (hidden_bld * weights_bl1).sum(dim=1) / weights_bl1.sum(dim=1)

    def files(self) -> Files:
        """The configuration and the tokenizer."""
        with tempfile.TemporaryDirectory() as name:
            self._config.save_pretrained(name)
            self._tokenizer.save_pretrained(name)
            return {path.name: path.read_bytes() for path in sorted(Path(name).iterdir()) if path.suffix in KEPT}

    def checkpoint_gradients(self) -> None:
        """Compute activations anew in the backward pass instead of keeping them."""
        recompute(self.encoder)


def build_encoder(spec: TransformersSpec, files: Files | None) -> Encoder:
    """The tower of a spec; with a bundle's files from these alone.

    Raises:
        InputError: transformers is not installed, or it can't read the encoder.
    """
    if files is None:
        return Encoder(spec, *_read(spec.source))
    with tempfile.TemporaryDirectory() as name:
        for file, content in files.items():
            (Path(name) / Path(file).name).write_bytes(content)
        return Encoder(spec, *_read(name))


def load_encoder(tower: Encoder, spec: TransformersSpec) -> str:
    """Put the pretrained weights into a tower; return where they came from.

    Raises:
        InputError: They can't be fetched, or do not fit.
    """
    if spec.weights == "none":
        return "random weights"
    transformers, source = library("transformers", "text", SETTING), spec.source
    try:
        # transformers 5 takes the precision written in config.json, unless it is told
        found = pretrained(transformers, "AutoModel", source, dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise _unread(source, error) from error
    wanted = tower.encoder.state_dict()
    absent = [name for name in wanted if name not in found]
    if absent:
        raise InputError(f"lacks {len(absent)} tensors, such as {absent[0]}", where=source, setting=SETTING)
    tower.encoder.load_state_dict({name: found[name] for name in wanted})
    return f"transformers {Path(source).name if spec.hub is None else source}"


def _read(source: str) -> tuple[Any, Any]:
    """Configuration and tokenizer."""
    transformers = library("transformers", "text", SETTING)
    try:
        config = transformers.AutoConfig.from_pretrained(source, trust_remote_code=False)
        return config, transformers.AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise _unread(source, error) from error


def _network(config: Any) -> nn.Module:
    """With random weights; without the layer that pools for BERT's own second task, which nothing here would train."""
    automodel = library("transformers", "text", SETTING).AutoModel
    try:
        return automodel.from_config(config, add_pooling_layer=False)
    except TypeError:
        return automodel.from_config(config)


def _unread(source: str, error: Exception) -> InputError:
    cause = (str(error).strip().splitlines() or ["no reason given"])[0][:160]
    near = nearest_name(source, WELL_KNOWN) if source not in WELL_KNOWN else None
    return InputError(
        f"transformers can't read {source} ({cause})",
        setting=SETTING,
        nearest=near,
        mend="allow the network (HF_ENDPOINT names a mirror), or copy the files here and write folder: PATH",
    )


def _checked(folder: Path) -> Path:
    if not (folder / "config.json").is_file():
        raise InputError(
            "no encoder", where=str(folder), setting=f"{SETTING}.folder", expected="a folder with config.json"
        )
    return folder


def _in_package(package: str) -> Path:
    found = importlib.util.find_spec(package) if package.isidentifier() else None
    if found is None or not found.submodule_search_locations:
        setting = f"{SETTING}.package"
        raise InputError(f"no installed package {package!r}", setting=setting, mend=f"pip install {package}")
    configs = sorted(Path(found.submodule_search_locations[0]).rglob("config.json"))
    folders = [path.parent for path in configs if "model_type" in path.read_text(encoding="utf-8")]  # not of a pooling
    if len(folders) != 1:
        what = f"package {package!r} holds {len(folders)} folders with the config.json of an encoder"
        raise InputError(what, setting=f"{SETTING}.package", expected="one")
    return folders[0]
