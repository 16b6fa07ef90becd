"""The coarse thumbnails that a search goes through 49 times, in the order in which it does.

Where they are kept they lie in no order: of a million, each look at one would bring in a page of the disk.
"""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from typing import IO

import numpy as np
from numpy.typing import NDArray

from sfumato.data.duplicates.candidates import Coarse
from sfumato.data.duplicates.fingerprint import COARSE, FingerprintSet, Thumbnails, chunks
from sfumato.errors import InputError

IN_MEMORY = 50_000
"""Thumbnails of 1 KB that are held in memory; more lie in a temporary file."""
AT_ONCE = 10_000


@contextmanager
def coarse_in_order(fingerprints: FingerprintSet, rows: NDArray[np.int64]) -> Generator[Coarse]:
    """The coarse thumbnails of the given rows, by their places in `rows`, for as long as the context lasts.

    Raises:
        InputError: There is no room for the temporary file.
    """
    if len(rows) <= IN_MEMORY:
        few = fingerprints.coarse(rows)
        yield lambda part: few[part]
        return
    with tempfile.TemporaryFile() as file:
        try:
            for part in chunks(len(rows), AT_ONCE):
                file.write(fingerprints.coarse(rows[part]).tobytes())
            file.flush()
        except OSError as error:
            raise InputError(
                f"no room for what finds near-duplicates: {error.strerror or error}",
                where=tempfile.gettempdir(),
                expected="1 KB a picture",
                mend="free some space, or name another folder with TMPDIR",
            ) from None
        yield lambda part: _read(file, part)


def _read(file: IO[bytes], part: slice) -> Thumbnails:
    shape = (part.stop - part.start, COARSE, COARSE)
    return np.array(np.memmap(file, np.uint8, "r", part.start * COARSE**2, shape))
