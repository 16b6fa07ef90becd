"""Randomness as a function: the same key gives the same draws, in any process, at any time."""

import hashlib

import numpy as np


def generator(*key: int | str) -> np.random.Generator:
    """A generator that depends on the key alone, such as (seed, "augment", epoch, sample id)."""
    digest = hashlib.blake2b("\x1f".join(map(str, key)).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))


def torch_seed(*key: int | str) -> int:
    """A seed for torch's own generator that depends on the key alone; below 2 ** 63."""
    digest = hashlib.blake2b("\x1f".join(map(str, key)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
