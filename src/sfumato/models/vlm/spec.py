"""What a recipe may say of a vision-language model."""

from pathlib import Path
from typing import Annotated, Literal, Self, cast

from pydantic import Field, model_validator

from sfumato.errors import InputError
from sfumato.models.heads import NamesHeadSpec
from sfumato.models.vlm.few_bits import FewBits
from sfumato.models.vlm.lora import LoraSpec
from sfumato.spec import Spec

SETTING = "model"
TEXT = "{text}"
"""What stands in a prompt for the text of a sample."""


class VlmSpec(Spec):
    """A vision-language model that can only name a class; exactly one of `hub` and `folder`."""

    kind: Literal["vlm"] = "vlm"
    hub: Annotated[str, Field(min_length=1)] | None = None
    """Its name on the hub, such as google/gemma-3-4b-it."""
    folder: Annotated[str, Field(min_length=1)] | None = None
    """A folder with its configuration, weights and processor, relative to the recipe's folder."""
    weights: Literal["pretrained", "none"] = "pretrained"
    """`none` = random."""
    base: Literal["fp32", "bf16", "int8", "nf4"] = "fp32"
    """How weights are held that do not learn; bf16 takes half the memory. fp16 is none of them: Gemma 3 overflows. Of
    `int8` and `nf4`, 8 and 4 bits, are the layers of the language model alone, and all else of bf16; to train beside 4
    bits takes CUDA and bitsandbytes, to predict does not."""
    prompt: Annotated[str, Field(min_length=1)] = f"What does the picture show? {TEXT}"
    """What stands below the picture; `{text}` in it is the sample's text, from columns that prediction has too. Without
    it no texts are read."""
    window: Annotated[int, Field(ge=8, le=100_000)] = 512
    """Tokens of a prompt, those of the picture included; a text that is too long for it is cut off."""
    pictures: Literal["first", "random"] = "first"
    """Of a sample that has several pictures: the `first`; or a `random` one each time it trains, and else the first."""
    lora: LoraSpec | None = None
    """Matrices of low rank that learn beside the weights of the language model; none = the weights themselves do."""
    head: NamesHeadSpec = NamesHeadSpec()
    """How names are scored."""

    @model_validator(mode="after")
    def _one_source_and_text(self) -> Self:
        given = [name for name in ("hub", "folder") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"names {' and '.join(given) or 'nothing'}; expected exactly one of hub and folder")
        if self.prompt.count(TEXT) > 1:
            raise ValueError(f"the prompt holds {TEXT} more than once")
        return self

    @property
    def few_bits(self) -> FewBits | None:
        """How the weights of the language model are held; None = whole."""
        return cast(FewBits, self.base) if self.base in {"int8", "nf4"} else None

    @property
    def merges(self) -> bool:
        """Whether the bundle holds one set of weights, what LoRA learnt added to it."""
        if self.lora is None:
            return False
        return self.few_bits is None if self.lora.adapter is None else self.lora.adapter == "merged"

    @property
    def title(self) -> str:
        """What it is called in reports."""
        return self.hub or Path(str(self.folder)).name

    @property
    def source(self) -> str:
        """A name on the hub, or a folder.

        Raises:
            InputError: No such folder, or none of a model.
        """
        if self.hub is not None:
            return self.hub
        folder = Path(str(self.folder))
        if not (folder / "config.json").is_file():
            expected = "a folder with config.json"
            raise InputError("no model", where=str(folder), setting=f"{SETTING}.folder", expected=expected)
        return str(folder)
