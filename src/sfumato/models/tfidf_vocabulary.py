"""Which words and letter sequences a TF-IDF tower knows, and how rare each is: learnt from the training texts alone."""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log
from typing import Any, cast

from sfumato.errors import InputError

FILE = "tfidf.json"
MOST_TEXTS = 50_000
"""Texts that a vocabulary is learnt from; of more every so manieth is taken, since frequencies need no more."""
SHORTEST, LONGEST = 2, 5
"""Letters of a sequence, the spaces around a word among them."""
_WORD = re.compile(r"\b\w\w+\b")


@dataclass(frozen=True)
class Vocabulary:
    """Words with pairs of them, and letter sequences, each with the number of texts it stands in, in their order."""

    texts: int
    """That were counted, n."""
    words: Mapping[str, int]
    letters: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.words) + len(self.letters)

    def rarity(self) -> list[float]:
        """ln((1 + n) / (1 + texts it stands in)) + 1 of each word, then of each letter sequence."""
        counts = [*self.words.values(), *self.letters.values()]
        return [log((1 + self.texts) / (1 + count)) + 1 for count in counts]

    def to_bytes(self) -> bytes:
        """As JSON, a line an entry, which `read_vocabulary` reads back."""
        document = {"texts": self.texts, "words": dict(self.words), "letters": dict(self.letters)}
        return (json.dumps(document, ensure_ascii=False, indent=0) + "\n").encode()


def read_vocabulary(content: bytes, where: str) -> Vocabulary:
    """The vocabulary of a file; `where` names it in errors.

    Raises:
        InputError: It is none.
    """
    try:
        document = cast(dict[str, Any], json.loads(content))
        words, letters = (_counts(document[name]) for name in ("words", "letters"))
        return Vocabulary(int(document["texts"]), words, letters)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError("damaged: no vocabulary", where=where) from error


def _counts(given: dict[str, Any]) -> dict[str, int]:
    if not all(type(count) is int and count >= 0 for count in given.values()):
        raise ValueError
    return given


@lru_cache(maxsize=2)  # a recipe is checked before its pictures are looked at, mostly with the very same texts
def learn_vocabulary(texts: tuple[str, ...], most: int, least: int) -> Vocabulary:
    """The words and pairs, and the letter sequences, that stand in most of the texts.

    Args:
        texts: Of the training samples; empty ones count for nothing.
        most: Entries of either kind; of equally frequent ones the first by the alphabet are kept.
        least: Texts that an entry must stand in.
    """
    there = [text for text in texts if text]
    there = there[:: -(-len(there) // MOST_TEXTS) or 1]
    words, letters = Counter[str](), Counter[str]()
    for text in there:
        found = pieces(text)
        words.update({piece for piece, word in found if word})
        letters.update({piece for piece, word in found if not word})
    return Vocabulary(len(there), _frequent(words, most, least), _frequent(letters, most, least))


def _frequent(counts: Counter[str], most: int, least: int) -> dict[str, int]:
    kept = sorted((-count, piece) for piece, count in counts.items() if count >= least)[:most]
    return {piece: -count for count, piece in kept}


def pieces(text: str) -> Sequence[tuple[str, bool]]:
    """What stands in a text, in its order: words of two letters or more, pairs of words that follow each other, and the
    sequences of 2 to 5 letters of each stretch without a space; and whether each is a word or pair.

    Widths and compatibility forms make no difference (Unicode's NFKC), nor does the case of letters.
    """
    return list(_pieces(unicodedata.normalize("NFKC", text).casefold()))


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    before: str | None = None
    for stretch in text.split():
        for word in cast(list[str], _WORD.findall(stretch)):
            yield word, True
            if before is not None:
                yield f"{before} {word}", True
            before = word
        yield from ((sequence, False) for sequence in _sequences(f" {stretch} "))


def _sequences(word: str) -> Iterator[str]:
    """Each once where it stands; a word shorter than a sequence is one itself, and once."""
    for long in range(SHORTEST, LONGEST + 1):
        for begin in range(max(1, len(word) - long + 1)):
            yield word[begin : begin + long]
        if len(word) <= long:
            return
