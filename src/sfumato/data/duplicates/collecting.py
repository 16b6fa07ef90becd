"""The fingerprints of many pictures: those that are kept, and those of pictures that must be decoded for them."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import polars as pl

from sfumato.data.addresses import Stamp, stamp_of
from sfumato.data.duplicates.fingerprint import Fingerprint, fingerprint
from sfumato.data.duplicates.fingerprint_cache import FingerprintCache, KeptFingerprints
from sfumato.data.images import BadImageError, Pixels
from sfumato.data.parallel import in_parallel
from sfumato.data.progress import Progress

Decode = Callable[[str], Pixels]
Found = tuple[str, Stamp, Fingerprint] | None


def collect(addresses: Sequence[str], decode: Decode, cache: FingerprintCache, progress: Progress) -> KeptFingerprints:
    """The fingerprints of the pictures at N addresses; those that can't be decoded are not present.

    Args:
        addresses: Each once.
        decode: Gives the pixels of a picture.
        cache: Has those of before, and keeps the new ones.
        progress: Sees one item a picture that is decoded.

    Raises:
        InputError: There is no room on the disk.
    """
    kept = cache.places(addresses)
    missing = (
        pl.DataFrame({"image": addresses}, {"image": pl.String}).join(kept, on="image", how="anti")["image"].to_list()
    )
    if missing:
        cache.refuse_lost()
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for found in progress(in_parallel(partial(_look, decode), missing, pool), len(missing)):
                if found is not None:
                    cache.add(*found)
                    cache.refuse_lost()
        kept = pl.concat([kept, cache.places(missing)])
        cache.refuse_lost()
    return cache.fingerprints(addresses, kept)


def _look(decode: Decode, address: str) -> Found:
    stamp = stamp_of(address)  # before the pixels: a file that changes in between is looked at once more
    try:
        return (address, stamp, fingerprint(decode(address))) if stamp is not None else None
    except BadImageError:
        return None
