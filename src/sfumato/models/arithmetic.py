"""The precision that devices compute in: full, for figures that must come out alike everywhere, or what they have."""

import platform
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import torch

_backends = cast(Any, torch.backends)


@contextmanager
def full_precision() -> Generator[None]:
    """Within the context fp32 is not computed in TF32 or bf16, as Ampere and later GPUs do unless told otherwise."""
    former = [(switch, name, getattr(switch, name)) for switch, name, _ in _switches()]
    try:
        for switch, name, exact in _switches():
            setattr(switch, name, exact)
        yield
    finally:
        for switch, name, value in former:
            setattr(switch, name, value)


def allow_tf32(allowed: bool) -> None:
    """Whether CUDA devices may round the factors of fp32 products and convolutions to TF32, from now on."""
    if not hasattr(_backends.cudnn, "conv"):
        _backends.cudnn.allow_tf32 = _backends.cuda.matmul.allow_tf32 = allowed
        return
    for part in (_backends.cudnn.conv, _backends.cudnn.rnn, _backends.cuda.matmul):
        part.fp32_precision = "tf32" if allowed else "ieee"


def has_bf16(device: torch.device) -> bool:
    """Whether a device computes in bf16 itself, and does not imitate it."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and _cpu_has_bf16()


def _cpu_has_bf16() -> bool:
    """OneDNN also says yes where it would imitate it with AVX-512."""
    if not (torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()):
        return False
    if platform.machine() not in ("x86_64", "AMD64"):
        return True
    names = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # torch has no public ones
    return any(bool(getattr(torch.cpu, name, lambda: False)()) for name in names)


def _switches() -> list[tuple[Any, str, object]]:
    """(object, attribute, its value in full precision); torch 2.9 renamed them and lets nobody mix both kinds."""
    if not hasattr(_backends.cudnn, "conv"):
        return [(_backends.cudnn, "allow_tf32", False), (_backends.cuda.matmul, "allow_tf32", False)]
    gpu, cpu = _backends.cudnn, _backends.mkldnn
    parts = (gpu.conv, gpu.rnn, _backends.cuda.matmul, cpu.conv, cpu.rnn, cpu.matmul)
    return [(part, "fp32_precision", "ieee") for part in parts]
