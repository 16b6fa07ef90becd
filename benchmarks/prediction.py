"""Batch prediction of a bundle beside a plain PyTorch loop in fp32: files to decisions, in turns.

usage: prediction.py BUNDLE IMAGES [ROUNDS] [--write]     default: 5 rounds; the bundle holds graphs if it was exported

The plain loop is the network of the bundle, contiguous, batches of 32, pictures opened by PIL one after the other in a
loader of two workers. The ratio is the median over the rounds of Sfumato's rate over the loop's; decisions are those of
the greatest logit, before any policy.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

import sfumato
from sfumato.bundle.folder import read_bundle
from sfumato.data.images import decode
from sfumato.data.preprocess import Preprocess
from sfumato.data.sources.folder import images_below
from sfumato.predict.building import build_networks
from sfumato.run_folder import environment

ASKED, SAME = 2.0, 0.995


class Pictures(Dataset):
    def __init__(self, paths: list[str], to: Preprocess) -> None:
        self.paths, self.to = paths, to

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, i: int) -> torch.Tensor:
        return self.to(decode(self.paths[i]))


def plain(bundle: Path, paths: list[str]) -> Callable[[], np.ndarray]:
    """The loop that anyone would write."""
    read = read_bundle(bundle)
    to = Preprocess.from_dict(read.transform, str(bundle))
    model = build_networks(read, to, str(bundle))[0].to(memory_format=torch.contiguous_format)

    def run() -> np.ndarray:
        with torch.inference_mode():
            return torch.cat([model.logits(x) for x in DataLoader(Pictures(paths, to), 32, num_workers=2)]).numpy()

    return run


def ours(bundle: Path, paths: list[str], engine: str) -> Callable[[], np.ndarray]:
    """`predict` by an engine."""
    model = sfumato.load(bundle, device="cpu", engine=engine)
    return lambda: np.concatenate([read.logits for _, read in model.scored(paths)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    paths = [str(path) for path in images_below(given.images)]
    ways = {"plain PyTorch, fp32": plain(given.bundle, paths), "Sfumato, torch": ours(given.bundle, paths, "torch")}
    if sfumato.load(given.bundle, device="cpu").engine.name == "onnx":
        ways["Sfumato, ONNX Runtime"] = ours(given.bundle, paths, "onnx")
    taken: dict[str, list[float]] = {name: [] for name in ways}
    said: dict[str, np.ndarray] = {}
    for turn in range(given.rounds):
        for name in list(ways) if turn % 2 == 0 else list(ways)[::-1]:
            begin = time.perf_counter()
            said[name] = ways[name]().argmax(axis=1)
            taken[name].append(time.perf_counter() - begin)
    text, best = result(taken, said, len(paths), given.rounds)
    print(text)
    if given.write:
        where = Path(__file__).parent / "results"
        target = where / f"prediction_{torch.get_num_threads()}-core-{platform.machine()}_{date.today()}.md"
        target.write_text(text, encoding="utf-8")
    assert best >= ASKED, f"{best:.2f} times the plain loop's rate"


def result(taken: dict[str, list[float]], said: dict[str, np.ndarray], count: int, rounds: int) -> tuple[str, float]:
    """The table as Markdown, and the best ratio of those that decide alike."""
    env, first = environment(), next(iter(taken))
    lines = [
        "# Batch prediction beside a plain PyTorch loop",
        "",
        f"`OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', '')} python benchmarks/prediction.py BUNDLE IMAGES"
        f" {rounds} --write`, {date.today()}. {env['processor']}, no GPU;",
        f"Python {env['python']}, torch {env['packages']['torch']}. {count} pictures, medians of {rounds} rounds.",
        "",
        "| | images/s | ratio | same decisions |",
        "| --- | --- | --- | --- |",
    ]
    best = 0.0
    for name, times in taken.items():
        ratio = median(theirs / own for theirs, own in zip(taken[first], times, strict=True))
        same = float((said[name] == said[first]).mean())
        best = max(best, ratio if same >= SAME else 0.0)
        lines.append(f"| {name} | {count / median(times):.0f} | {ratio:.2f} | {same:.4f} |")
    return "\n".join(lines) + "\n", best


if __name__ == "__main__":
    main()
