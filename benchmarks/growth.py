"""How seconds and memory grow with the data: each case a process of its own, at sizes ten times apart."""

import math
from itertools import pairwise
from pathlib import Path

Case = dict[str, float | str]
"""`seconds`, `peak` in MB, and what it `said`."""
Cases = dict[int, dict[str, Case]]
"""Rows -> name of the case -> what was measured."""


def peak() -> float:
    """MB this process held at most; ru_maxrss would count what its parent held before it began."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def table(found: Cases, said: str, least_seconds: float) -> list[str]:
    """The cases as Markdown; `said` heads what they said. Below so many seconds no growth is told."""
    lines = [f"| what | rows | seconds | growth | peak MB | {said} |", "| --- " * 6 + "|"]
    for name in next(iter(found.values())):
        before: float | None = None
        for n, cases in found.items():
            one = cases[name]
            seconds = float(one["seconds"])
            told = before is not None and before >= least_seconds
            growth = f"{math.log10(seconds / before):.2f}" if told and before else ""
            lines.append(f"| {name} | {n:,} | {seconds:.2f} | {growth} | {float(one['peak']):.0f} | {one['said']} |")
            before = seconds
    return lines


def refuse(found: Cases, most_mb: float, least_seconds: float) -> None:
    """Fail where a time grows clearly faster than the data, or a case holds too much memory."""
    for (_, few), (n, many) in pairwise(found.items()):
        for name, one in many.items():
            before, seconds = float(few[name]["seconds"]), float(one["seconds"])
            assert before < least_seconds or seconds < 15 * before, f"{name}: time grows faster than the data at {n:,}"
    worst = max((float(one["peak"]), name, n) for n, cases in found.items() for name, one in cases.items())
    assert worst[0] < most_mb, f"{worst[1]}: {worst[0]:.0f} MB at {worst[2]:,}"
