"""How much memory a stretch of work needed at most: the device's own, or on a CPU that of this process."""

import contextlib
import sys
from pathlib import Path

import torch

_STATUS, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class PeakMemory:
    """Peak since it was made, in bytes; None where the platform does not tell.

    Linux forgets the former peak of a process when asked; elsewhere the peak is that since the process began.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        else:
            with contextlib.suppress(OSError):
                _FORGET.write_text("5")
        self.before = self._now()
        """Bytes in use when it was made."""

    def read(self) -> int | None:
        """The peak."""
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device)
        return _status("VmHWM") if self._device.type == "cpu" else None

    def _now(self) -> int | None:
        if self._device.type == "cuda":
            return torch.cuda.memory_allocated(self._device)
        return _status("VmRSS") if self._device.type == "cpu" else None


def memory_in_use() -> int | None:
    """Bytes: the most that the GPU gave so far where there is one, else what this process has now; None = not told."""
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        return torch.cuda.max_memory_allocated()
    return _status("VmRSS")


def _status(field: str) -> int | None:
    """Bytes that Linux counts for this process; elsewhere the greatest size it ever had."""
    if _STATUS.is_file():
        lines = (line.split() for line in _STATUS.read_text().splitlines())
        return next((1024 * int(words[1]) for words in lines if words[:1] == [f"{field}:"]), None)
    if sys.platform == "win32":
        return None
    import resource  # only Unix has it

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most  # macOS counts bytes, others kilobytes
