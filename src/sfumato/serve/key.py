"""The key that clients must show, if there is one. It comes from a file or the environment, never the command line."""

import hashlib
import hmac
import os
from pathlib import Path

from sfumato.errors import InputError
from sfumato.json_file import read_text

VARIABLE = "SFUMATO_API_KEY"
LEAST = 16
"""Characters: a shorter key can be guessed."""


def read_key(file: Path | None) -> str | None:
    """The key from a file, else from the environment; None = anybody may ask.

    Raises:
        InputError: The file can't be read, or the key is short, not ASCII or has spaces in it.
    """
    found = os.environ.get(VARIABLE) if file is None else read_text(file)
    if found is None:
        return None
    key, where = found.strip(), VARIABLE if file is None else str(file)
    if len(key) < LEAST or not key.isascii() or not key.isprintable() or " " in key:
        raise InputError("no key", where=where, expected=f"{LEAST} or more ASCII characters without spaces")
    return key


def shows(key: str, authorization: str | None) -> bool:
    """Whether an `Authorization: Bearer KEY` header shows the key; how long that takes tells nothing about it."""
    scheme, _, shown = (authorization or "").partition(" ")
    same = hmac.compare_digest(_digest(shown.strip()), _digest(key))
    return same and scheme.lower() == "bearer"


def _digest(text: str) -> bytes:
    """Of one length, whatever that of the text."""
    return hashlib.sha256(text.encode(errors="surrogateescape")).digest()
