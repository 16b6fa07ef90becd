"""A text tower that learns nothing: how often words and letter sequences stand in a text, rare ones counting for more.

With a linear head it is the strong old way to classify texts, and reads spelling, codes and brands that a pretrained
encoder has no token for. Term frequency is damped, 1 + ln(count), and weighed by inverse document frequency, ln((1 + n)
/ (1 + texts it stands in)) + 1; words and letter sequences have length 1 each (Salton and Buckley, Term-weighting
approaches in automatic text retrieval, Information Processing & Management 1988, in the form of scikit-learn's
`TfidfVectorizer(sublinear_tf=True)`, of words (1-2) and `char_wb` (2-5) side by side).
"""

from typing import Annotated, Literal, cast

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from sfumato.errors import InputError
from sfumato.models.text_tower import Files, TextTower
from sfumato.models.tfidf_vocabulary import FILE, Vocabulary, learn_vocabulary, pieces, read_vocabulary
from sfumato.spec import Spec


class TfidfSpec(Spec):
    """Words, pairs of words and letter sequences of the training texts, each weighed by how rare it is; none learns."""

    kind: Literal["tfidf"] = "tfidf"
    most: Annotated[int, Field(ge=1, le=200_000)] = 30_000
    """Words and pairs of words that are known, the most frequent ones, and as many letter sequences."""
    least: Annotated[int, Field(ge=1)] = 2
    """Training texts that a word, pair or sequence must stand in."""
    window: Annotated[int, Field(ge=1, le=1_000_000)] = 20_000
    """Known words, pairs and sequences of a text that are counted, about four a letter; what follows is cut off."""


class Tfidf(TextTower):
    """The tower of a vocabulary. It has no parameters."""

    def __init__(self, spec: TfidfSpec, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.width, self.window = max(1, len(vocabulary)), spec.window
        self.settings = spec.model_dump_json()
        self.vocabulary = vocabulary
        self._words = {piece: place for place, piece in enumerate(vocabulary.words, start=1)}
        self._letters = {piece: place for place, piece in enumerate(vocabulary.letters, start=1 + len(self._words))}
        rarity = torch.tensor(vocabulary.rarity() or [0.0])
        self.register_buffer("rarity", rarity, persistent=False)  # the vocabulary's file has it

    def tokens(self, text: str) -> list[int]:
        """A number from 1 for each piece of the text that is known, in its order; 0 alone where none is."""
        numbers = [(self._words if word else self._letters).get(piece) for piece, word in pieces(text)]
        return [number for number in numbers if number is not None] or [0]

    def forward(self, ids: Tensor, there: Tensor) -> Tensor:
        """(B, L) tokens and (B, L) which of them are no padding -> (B, D), the words, then the letter sequences."""
        counts_bd = torch.zeros(len(ids), 1 + self.width, device=ids.device)
        counts_bd = counts_bd.scatter_add_(1, ids, there.float())[:, 1:]
        damped_bd = torch.where(counts_bd > 0, 1 + counts_bd.clamp(min=1).log(), 0)
        weighed_bd = damped_bd * cast(Tensor, self.rarity)
        words = len(self._words)
        return torch.cat([F.normalize(weighed_bd[:, :words], dim=1), F.normalize(weighed_bd[:, words:], dim=1)], dim=1)

    def files(self) -> Files:
        """The vocabulary, to be read by anybody."""
        return {FILE: self.vocabulary.to_bytes()}

    @property
    def origin(self) -> str:
        """Where it comes from, in words."""
        known = self.vocabulary
        kinds = f"{len(known.words):,} words and pairs and {len(known.letters):,} letter sequences"
        return f"tf-idf of {kinds} of {known.texts:,} training texts"


def build_tfidf(spec: TfidfSpec, files: Files | None) -> Tfidf:
    """The tower of a vocabulary that was learnt before.

    Raises:
        InputError: There is none, or no vocabulary in it.
    """
    content = (files or {}).get(FILE)
    if content is None:
        raise InputError("no vocabulary", where=FILE, expected="a tower whose vocabulary was learnt from texts")
    return Tfidf(spec, read_vocabulary(content, FILE))


def learn_tfidf(spec: TfidfSpec, texts: tuple[str, ...]) -> Files:
    """What the training texts teach a tower.

    Raises:
        InputError: There are texts, and nothing stands in enough of them.
    """
    found = learn_vocabulary(texts, spec.most, spec.least)
    if found.texts and not len(found):
        raise InputError(
            f"nothing stands in {spec.least} of {found.texts} training texts", setting="model.text.least", expected="1"
        )
    return {FILE: found.to_bytes()}
