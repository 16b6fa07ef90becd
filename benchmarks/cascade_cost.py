"""What a cascade costs on a mixed folder, beside its stages asked by themselves about the pictures they had to see.

usage: cascade_cost.py [--pictures 600] [--charts 0.5] [--write]

Trains three small stages on made-up charts in a temporary folder, then decides on a folder of charts and photographs.
Both sides are timed in turn, in processor seconds, and the median of the ratios is held against 1: the cascade decodes
a picture once, where the stages by themselves decode it each.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

import sfumato
from sfumato.predict.cascade import CascadePredictor
from sfumato.predict.inputs import WithText

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.charts import PRODUCTS, chart, gallery
from tests.pictures import KINDS, picture

ROUNDS = 7
SIDE = 224


def spent(what: Callable[[], object]) -> float:
    """Processor seconds."""
    began = time.process_time()
    what()
    return time.process_time() - began


def mixed(folder: Path, count: int, charts: float) -> list[str]:
    """Charts and others in turn, as PNG."""
    folder.mkdir()
    for i in range(count):
        is_chart = (i * 7919 % count) < charts * count
        made = chart(list(PRODUCTS)[i % 3], 5000 + i, SIDE) if is_chart else picture(KINDS[i % 3], 5000 + i, SIDE)
        made.save(folder / f"{i:05}.png")
    return sorted(str(path) for path in folder.iterdir())


def trained(root: Path) -> CascadePredictor:
    """The cascade of three tiny stages."""
    gallery(root, 180)
    sfumato.train(root / "gate.yaml", out=root / "gate", quiet=True)
    sfumato.crossval(root / "elements.yaml", folds=2, out=root / "elements", quiet=True)
    sfumato.train(root / "products.yaml", out=root / "products", quiet=True)
    made = sfumato.cascade(root / "gate", root / "elements", root / "products", out=root / "charts", quiet=True)
    loaded = sfumato.load(made.bundle, device="cpu")
    assert isinstance(loaded, CascadePredictor)
    return loaded


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=600)
    parser.add_argument("--charts", type=float, default=0.5)
    parser.add_argument("--write", action="store_true", help="file the figures below benchmarks/results")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as work:
        cascade = trained(Path(work))
        paths = mixed(Path(work) / "mixed", asked.pictures, asked.charts)
        stages = cascade.stages.of
        decided = cascade.predict(paths)
        on = [path for path, one in zip(paths, decided, strict=True) if one.stage == "products"]

        def by_themselves() -> None:
            stages["gate"].predict(paths)
            stages["elements"].predict(on)
            stages["products"].predict([WithText(path, "【red】") for path in on])

        by_themselves()
        ratios = [spent(lambda: cascade.predict(paths)) / spent(by_themselves) for _ in range(ROUNDS)]
    ratio = statistics.median(ratios)
    found = f"{ratio:.3f} ({min(ratios):.3f} to {max(ratios):.3f})"
    lines = [
        f"{len(paths)} pictures of {SIDE} px, {len(on)} went on; one thread, processor seconds, {ROUNDS} rounds",
        f"cascade / its stages by themselves on what each had to see: {found}",
    ]
    print("\n".join(lines))
    if asked.write:
        command = f"python benchmarks/cascade_cost.py --pictures {asked.pictures} --charts {asked.charts:g} --write"
        hardware = f"{os.cpu_count()}-core-{platform.machine()}"
        path = Path(__file__).parent / "results" / f"cascade-cost_{hardware}_{time.strftime('%Y-%m-%d')}.md"
        path.write_text("\n\n".join(["# What a cascade costs", f"`{command}`", *lines]) + "\n", encoding="utf-8")
    assert ratio <= 1.02, "the cascade costs more than its stages had to"


if __name__ == "__main__":
    main()
