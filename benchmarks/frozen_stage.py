"""The first stage of product-clip on features computed once, against features computed in every epoch.

usage: frozen_stage.py [PRODUCTS] [EPOCHS] [--write]    default: 600 products, 5 epochs; --write files the result

Both train the preset `product-clip-stage1` on the same products (made-up pictures of 224 px, texts of some 40 tokens)
with OpenCLIP's ViT-B-32 of random weights, one after the other in this process. Seconds are those of the processor,
which other work on the machine moves less than those of the clock; those of the stage are of training and validation,
those of the command have decoding, the last look at the validation part, the bundle and the report too. Early stopping
is off, so that both take all epochs.
"""

import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

import sfumato
from sfumato import fitting
from sfumato.run_folder import environment
from sfumato.training import feed

HERE = Path(__file__).parent
CLASSES = 10
WORDS = [f"{a}{b}" for a in ("red", "steel", "cotton", "large", "soft") for b in ("pot", "shirt", "lamp", "shoe")]
ASKED = 4.0
STAGE: list[float] = []
"""Seconds of the processor that each training took, validation included."""


@dataclass(frozen=True)
class Cost:
    """Of one way to train; seconds of the processor."""

    stage: float
    command: float


def make_products(root: Path, count: int) -> Path:
    """JPEGs of noise around a colour of their class, and a table with texts."""
    rng = np.random.default_rng(0)
    (root / "pictures").mkdir(parents=True)
    means = rng.uniform(60, 200, (CLASSES, 3))
    lines = ["id,title,description,label"]
    for i in range(count):
        coarse = np.clip(rng.normal(means[i % CLASSES], 40, (14, 14, 3)), 0, 255).astype(np.uint8)
        picture = Image.fromarray(coarse).resize((224, 224), Image.Resampling.BICUBIC)
        picture.save(root / "pictures" / f"p{i}.jpg", quality=90)
        words = [str(word) for word in rng.choice(WORDS, 16)]
        lines.append(f"p{i},{' '.join(words[:4])},{' '.join(words[4:])},class-{i % CLASSES}")
    (root / "products.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root / "products.csv"


def overrides(root: Path, epochs: int) -> dict[str, Any]:
    """What differs from the preset: the data, the weights that no hub need be asked for, and no early end."""
    return {
        "data.source": str(root / "products.csv"),
        "data.images": str(root / "pictures"),
        "data.split.near_duplicates": "ignored",
        "model.name": "ViT-B-32",
        "model.weights": "none",
        "train.epochs": epochs,
        "train.stop": None,
        "train.precision": "fp32",
        "train.workers": 0,
        "train.device": "cpu",
    }


def timed(work: Callable[[], Any]) -> Cost:
    """What it costs."""
    STAGE.clear()
    begin = time.process_time()
    work()
    return Cost(sum(STAGE), time.process_time() - begin)


def watch_stage() -> None:
    """Take the time of the stage itself, inside of a command."""
    train = fitting.fit

    def watched(*given: Any, **named: Any) -> Any:
        begin = time.process_time()
        done = train(*given, **named)
        STAGE.append(time.process_time() - begin)
        return done

    fitting.fit = watched


def main() -> None:
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    count, epochs = (*numbers, *(600, 5)[len(numbers) :])
    watch_stage()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        make_products(root, count)
        os.environ["XDG_CACHE_HOME"] = str(root / "cache")

        def train(out: str) -> None:
            sfumato.train("product-clip-stage1", overrides=overrides(root, epochs), out=root / out, quiet=True)

        once = timed(lambda: train("once"))
        kept, feed.kept_phases, feed.read_until = feed.kept_phases, lambda _: (), lambda _: 0
        each = timed(lambda: train("each"))
        feed.kept_phases = kept
        weights = [load_file(root / name / "bundle/weights.safetensors") for name in ("once", "each")]
        apart = max(float((weights[0][key].float() - weights[1][key].float()).abs().max()) for key in weights[0])
    text = result(count, epochs, once, each, apart)
    print(text)
    if "--write" in sys.argv:
        target = HERE / "results" / f"frozen-stage_{os.cpu_count()}-core-{platform.machine()}_{date.today()}.md"
        target.write_text(text, encoding="utf-8")
    assert apart < 1e-4, f"the heads differ by {apart:.1e}"
    assert each.stage >= ASKED * once.stage, f"{each.stage / once.stage:.2f} times as fast, asked for {ASKED:g}"


def result(count: int, epochs: int, once: Cost, each: Cost, apart: float) -> str:
    """The table as Markdown."""
    env, alike = environment(), f"differ by {apart:.0e} at most" if apart else "are the same"
    return "\n".join(
        [
            "# A frozen stage on features computed once",
            "",
            f"`OMP_NUM_THREADS={torch.get_num_threads()} python benchmarks/frozen_stage.py {count} {epochs} --write`,"
            f" {date.today()}, with other work on the machine. {env['processor']}, no GPU;",
            f"Python {env['python']}, torch {env['packages']['torch']}. `product-clip-stage1` on {count} made-up"
            f" products, a fifth of them validation, {epochs} epochs,",
            f"OpenCLIP's ViT-B-32 with random weights at 224 px. The weights of both {alike}.",
            "",
            "| features | seconds of the stage | ratio | seconds of the whole command | ratio |",
            "| --- | --- | --- | --- | --- |",
            f"| computed in every epoch | {each.stage:.1f} | 1 | {each.command:.1f} | 1 |",
            f"| computed once | {once.stage:.1f} | {each.stage / once.stage:.2f} | {once.command:.1f}"
            f" | {each.command / once.command:.2f} |",
            "",
            "Seconds are those of the processor. With E epochs the stage can be E times as fast at most: every picture"
            " and text is looked at once instead of E times.",
            "",
        ]
    )


if __name__ == "__main__":
    main()
