"""Sfumato beside its peers: the same cells, weights, network, epochs and threads, each in a process of its own.

usage: peers.py [--train N] [--val N] [--size PX] [--epochs E] [--rounds R] [--threads T] [--workers W] [--lr LR]
                [--frozen] [--staged] [--until ACCURACY] [--peers PYTHON] [--only NAME;NAME] [--write]

Images/s are those of the steps of the second epoch, loaders included and validation not; medians over the rounds, whose
order alternates. Seconds count from the end of a contestant's imports and hold all it does, Sfumato's looking at every
picture too. `--peers` names an interpreter that has fastai and ultralytics beside torch; a peer that is not there is
left out, and said to be. `--frozen` trains the head alone; `--staged` lets Sfumato begin with the head and
small pictures. Validation accuracy serves here to compare time, and is no result of any of them.
"""

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

from peers_table import write_cells
from sfumato.run_folder import environment

HERE = Path(__file__).parent
CONTESTANTS: dict[str, tuple[str, ...]] = {
    "Sfumato": ("sfumato_train.py",),
    "plain PyTorch": ("plain.py",),
    "plain PyTorch, channels last, mallopt": ("plain.py", "--tuned"),
    "timm's loader and step": ("timm_loop.py",),
    "HF Trainer": ("hf_trainer.py",),
    "fastai": ("fastai_learner.py",),
    "ultralytics (yolo11n-cls, random weights)": ("ultralytics_classify.py",),
}
NEEDS = {"fastai": "fastai", "ultralytics (yolo11n-cls, random weights)": "ultralytics"}
HEAD_ALONE = ("Sfumato", "plain PyTorch", "plain PyTorch, channels last, mallopt")
"""Those that train a head alone in the comparison: the naive loop, and features computed once."""
SECONDS = 3600


@dataclass(frozen=True)
class Measured:
    """Of one contestant in one round."""

    speed: float
    """Images/s of the second epoch, or of the only one."""
    seconds: float
    """From the end of its imports to its last validation."""
    until: float | None
    """To the accuracy asked for; None = it never came there."""
    accuracy: float
    """After the last epoch."""
    peak_mb: float


def has(python: str, module: str) -> bool:
    """Whether an interpreter can import a module."""
    found = f"import importlib.util as u, sys; sys.exit(u.find_spec({module!r}) is None)"
    return subprocess.run([python, "-c", found], check=False).returncode == 0


def measure(name: str, python: str, table: Path, given: argparse.Namespace) -> Measured | str:
    """What one contestant reaches, or the last line of why it failed."""
    script, *more = CONTESTANTS[name]
    more += ["--staged"] if given.staged and name == "Sfumato" else []
    words = [f"--{key}={getattr(given, key)}" for key in ("size", "batch", "epochs", "workers", "threads", "lr")]
    words += ["--frozen"] if given.frozen else []
    env = {**os.environ, "OMP_NUM_THREADS": str(given.threads), "YOLO_OFFLINE": "true", "HF_HUB_OFFLINE": "1"}
    command = [python, str(HERE / "peers" / script), *more, str(table), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env, timeout=SECONDS)
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    said: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    there = [at for at, score in zip(said["elapsed"], said["accuracies"], strict=True) if score >= given.until]
    speed = said["speeds"][min(1, len(said["speeds"]) - 1)]
    return Measured(speed, said["elapsed"][-1], there[0] if there else None, said["accuracies"][-1], said["peak_mb"])


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = {"train": 640, "val": 320, "size": 160, "batch": 32, "epochs": 2, "rounds": 5, "threads": 2, "workers": 2}
    for name, value in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--until", type=float, default=0.85)
    parser.add_argument("--peers", default=sys.executable)
    parser.add_argument("--only", default="")
    for name in ("frozen", "staged", "write"):
        parser.add_argument(f"--{name}", action="store_true")
    return parser.parse_args()


def contestants(given: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Who takes part, and what is said of those that can't."""
    some = HEAD_ALONE if given.frozen else tuple(CONTESTANTS)
    wanted = [name for name in some if not given.only or name in given.only.split(";")]
    missing = [name for name in wanted if name in NEEDS and not has(given.peers, NEEDS[name])]
    return [name for name in wanted if name not in missing], [f"{name}: not installed" for name in missing]


def main() -> None:
    given = read_arguments()
    names, left_out = contestants(given)
    found: dict[str, list[Measured]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "cells.csv"
        write_cells(table, given.train, given.val)
        for turn in range(given.rounds):
            for name in names if turn % 2 == 0 else names[::-1]:
                if any(line.startswith(f"{name}:") for line in left_out):
                    continue
                one = measure(name, given.peers if name in NEEDS else sys.executable, table, given)
                print(f"round {turn + 1}: {name}: {one}", flush=True)
                if isinstance(one, str):
                    left_out.append(f"{name}: failed ({one})")
                else:
                    found[name].append(one)
    text = result({name: some for name, some in found.items() if some}, left_out, given)
    print(text)
    if given.write:
        what = "peers-head" if given.frozen else "peers-staged" if given.staged else "peers"
        target = HERE / "results" / f"{what}_{given.threads}-core-{platform.machine()}_{date.today()}.md"
        target.write_text(text, encoding="utf-8")


def kind(given: argparse.Namespace) -> str:
    """What learns, in words."""
    if given.frozen:
        return "the head alone"
    return "the head first, then the whole network" if given.staged else "the whole network"


def paired(found: dict[str, list[Measured]], name: str, field: str) -> float:
    """Median over the rounds of Sfumato's figure over that of another in the same round."""
    pairs = zip(found["Sfumato"], found[name], strict=False)
    return median(getattr(ours, field) / getattr(theirs, field) for ours, theirs in pairs)


def result(found: dict[str, list[Measured]], left_out: list[str], given: argparse.Namespace) -> str:
    """The table as Markdown."""
    env, shown = environment(), shlex.join("PYTHON" if word == given.peers else word for word in sys.argv[1:])
    lines = [
        f"# Sfumato and its peers: {kind(given)}",
        "",
        f"`python benchmarks/peers.py {shown}`, {date.today()}. {env['processor']}, {given.threads} threads, no GPU;",
        f"Python {env['python']}, torch {env['packages']['torch']}, timm {env['packages']['timm']}. ELPV,"
        f" {given.train} cells train and {given.val} validate, lite0 with",
        f"ImageNet weights, {given.size} px, batch {given.batch}, {given.epochs} epochs, {given.workers} workers"
        f" (Sfumato chooses its own), {given.rounds} rounds.",
        "See the script's head for what is measured; ratios: medians by round of Sfumato's figure over the other's.",
        "",
        f"| | images/s | ratio | seconds | ratio | seconds to {given.until:g} | last val accuracy | peak MB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, some in found.items():
        reached = [one.until for one in some if one.until is not None]
        until = f"{median(reached):.1f} ({len(reached)} of {len(some)})" if reached else "-"
        ratios = (
            ("1", "1")
            if name == "Sfumato" or "Sfumato" not in found
            else tuple(f"{paired(found, name, field):.2f}" for field in ("speed", "seconds"))
        )
        each = {key: median(getattr(one, key) for one in some) for key in ("speed", "seconds", "accuracy", "peak_mb")}
        lines.append(
            f"| {name} | {each['speed']:.1f} | {ratios[0]} | {each['seconds']:.1f} | {ratios[1]} | {until}"
            f" | {each['accuracy']:.3f} | {each['peak_mb']:.0f} |"
        )
    return "\n".join([*lines, *([""] if left_out else []), *(f"Left out: {line}." for line in left_out)]) + "\n"


if __name__ == "__main__":
    main()
