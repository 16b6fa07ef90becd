"""Texts of a sample, cleaned and joined to one."""

import html
import re
import unicodedata
from collections.abc import Sequence

_TAG = re.compile(r"<[A-Za-z/!][^>]*>")


def clean(text: str) -> str:
    """Without markup, entities, control characters and doubled spaces; in Unicode's composed form (NFC)."""
    plain = html.unescape(_TAG.sub(" ", text))
    visible = "".join(" " if unicodedata.category(letter) in {"Cc", "Zl", "Zp"} else letter for letter in plain)
    return " ".join(unicodedata.normalize("NFC", visible).split())


def join(texts: Sequence[str | None]) -> str:
    """The texts of one sample as one, each cleaned; "" where there is none. A text that repeats is said once."""
    cleaned = [clean(text) for text in texts if text]
    return " ".join(dict.fromkeys(text for text in cleaned if text))
