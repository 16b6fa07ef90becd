"""Memory kept by the allocator between steps: on Linux CPUs the largest single gain in training speed."""

import ctypes
import os
import platform
from collections.abc import Generator
from contextlib import contextmanager

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_KEEP = {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: 2**31 - 1, _M_TOP_PAD: 64 * 2**20}
_GLIBC_DEFAULTS = {_M_MMAP_MAX: 65536, _M_TRIM_THRESHOLD: 128 * 2**10, _M_TOP_PAD: 0}


@contextmanager
def kept_memory(device: str) -> Generator[str]:
    """Let glibc keep freed memory within the context while a CPU trains; yields what was done, for the log.

    The activations of a step are larger than glibc's limit for mapped blocks, so by default each step maps, zeroes and
    unmaps them anew. Another allocator (jemalloc, tcmalloc) or the user's own MALLOC_ settings are left alone.
    """
    libc = _glibc() if device == "cpu" else None
    if libc is None:
        yield "left to the platform"
        return
    for option, value in _KEEP.items():
        libc.mallopt(option, value)
    try:
        yield "kept between steps (glibc)"
    finally:
        for option, value in _GLIBC_DEFAULTS.items():
            libc.mallopt(option, value)
        libc.malloc_trim(0)


def release_memory() -> None:
    """Give freed memory back to the system now; called between epochs, it bounds what `kept_memory` keeps."""
    libc = _glibc()
    if libc is not None:
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    """The process's C library if it is glibc with its own, untuned allocator."""
    tuned = any(name.startswith("MALLOC_") for name in os.environ) or "glibc.malloc" in os.environ.get(
        "GLIBC_TUNABLES", ""
    )
    if platform.libc_ver()[0] != "glibc" or tuned or "malloc" in os.environ.get("LD_PRELOAD", ""):
        return None
    return ctypes.CDLL(None)
