"""Tensors on disk: safetensors files, which hold numbers and nothing that could run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from safetensors import SafetensorError
from safetensors import torch as safetensors
from torch import Tensor

from sfumato.errors import InputError

_library = cast(Any, safetensors)


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write named tensors; they are copied to the CPU and laid out plainly."""
    _library.save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, path)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read named tensors to the CPU.

    Raises:
        InputError: Missing or damaged.
    """
    try:
        return cast(dict[str, Tensor], _library.load_file(path))
    except (SafetensorError, OSError) as error:
        raise InputError(f"not a file of tensors: {str(error).splitlines()[0]}", where=str(path)) from None
