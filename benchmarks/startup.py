"""How long programs take to start: `sfumato --help`, importing torch, a prediction of one picture, and a peer's help.

usage: startup.py [ROUNDS] [--bundle BUNDLE] [--peers PYTHON] [--write]     default: 7 rounds; medians, in turns

With a bundle, `sfumato predict` on its first golden picture is measured too, beside importing torch, torchvision and
timm, which no prediction can do without. `--peers` names an interpreter that has ultralytics; without it its help is
left out.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from statistics import median

from sfumato.run_folder import environment

HELP = [sys.executable, "-m", "sfumato", "--help"]
TORCH = [sys.executable, "-c", "import torch"]
PICTURES = [sys.executable, "-c", "import torch, torchvision, timm"]


def seconds(command: list[str]) -> tuple[float, float]:
    """Of the clock and of the processor, of one start."""
    begin, before = time.perf_counter(), os.times()
    subprocess.run(command, capture_output=True, check=True)
    after = os.times()
    busy = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - begin, busy


def commands(given: argparse.Namespace) -> dict[str, list[str]]:
    """What is started, by name."""
    found = {"sfumato --help": HELP, "import torch": TORCH}
    if given.bundle:
        picture = next((Path(given.bundle) / "samples").glob("*.png"))
        found["sfumato predict, one picture"] = [sys.executable, "-m", "sfumato", "predict", given.bundle, str(picture)]
        found["import torch, torchvision, timm"] = PICTURES
    if given.peers:
        found["yolo help"] = [given.peers, "-c", "from ultralytics.cfg import entrypoint; entrypoint('help')"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rounds", nargs="?", type=int, default=7)
    for name in ("--bundle", "--peers"):
        parser.add_argument(name, default="")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    wanted = commands(given)
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in wanted}
    for command in wanted.values():
        seconds(command)  # files come from the disk the first time
    for turn in range(given.rounds):
        for name in list(wanted) if turn % 2 == 0 else list(wanted)[::-1]:
            taken[name].append(seconds(wanted[name]))
    pairs = zip(taken["sfumato --help"], taken["import torch"], strict=True)
    share = median(ours[1] / theirs[1] for ours, theirs in pairs)
    text = result(taken, share, given.rounds)
    print(text)
    if given.write:
        where = Path(__file__).parent / "results"
        target = where / f"startup_{os.cpu_count()}-core-{platform.machine()}_{date.today()}.md"
        target.write_text(text, encoding="utf-8")
    assert share < 1 / 3, f"sfumato --help takes {share:.2f} times the processor's time of importing torch"


def result(taken: dict[str, list[tuple[float, float]]], share: float, rounds: int) -> str:
    """The table as Markdown."""
    env = environment()
    lines = [
        "# How long programs take to start",
        "",
        f"`python benchmarks/startup.py {rounds} --write`, {date.today()}. {env['processor']};",
        f"Python {env['python']}, torch {env['packages']['torch']}. Medians of {rounds} rounds, in turns.",
        f"`sfumato --help` takes {share:.2f} times the processor's time of importing torch (median by round).",
        "",
        "| | seconds | seconds of the processor |",
        "| --- | --- | --- |",
    ]
    for name, both in taken.items():
        clock, busy = (median(values) for values in zip(*both, strict=True))
        lines.append(f"| {name} | {clock:.2f} | {busy:.2f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
