"""What a recipe may say about its text tower, and the tower of each kind."""

from typing import Annotated

from pydantic import Tag

from sfumato.models.ngrams import Ngrams, NgramsSpec
from sfumato.models.text_tower import Files, TextTower
from sfumato.models.tfidf import Tfidf, TfidfSpec, build_tfidf, learn_tfidf
from sfumato.models.transformers_text import Encoder, TransformersSpec, build_encoder, load_encoder
from sfumato.spec import kind_or

AnyText = NgramsSpec | TfidfSpec | TransformersSpec

TextSpec = Annotated[
    Annotated[NgramsSpec, Tag("ngrams")]
    | Annotated[TfidfSpec, Tag("tfidf")]
    | Annotated[TransformersSpec, Tag("transformers")],
    kind_or("transformers"),
]


def learnt_files(spec: AnyText, texts: tuple[str, ...]) -> Files | None:
    """What a tower must know of the training texts before it can be built; None where it needs to know nothing."""
    return learn_tfidf(spec, texts) if isinstance(spec, TfidfSpec) else None


def build_text(spec: AnyText, files: Files | None = None) -> TextTower:
    """A text tower with random weights.

    Args:
        spec: Of the recipe.
        files: What a bundle keeps of it, or `learnt_files`; None = it is built from what the spec names.

    Raises:
        InputError: What the spec names is not there, or the library that reads it.
    """
    if isinstance(spec, TfidfSpec):
        return build_tfidf(spec, files)
    return Ngrams(spec) if isinstance(spec, NgramsSpec) else build_encoder(spec, files)


def load_text(tower: TextTower, spec: AnyText) -> str:
    """Put pretrained weights into a text tower, where it has any; return where they came from."""
    if isinstance(spec, TransformersSpec) and isinstance(tower, Encoder):
        return load_encoder(tower, spec)
    return tower.origin if isinstance(tower, Tfidf) else "random weights"
