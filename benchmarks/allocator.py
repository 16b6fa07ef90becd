"""What keeping freed memory between steps gains and costs: images per second and resident memory, side by side.

usage: allocator.py [--write]      each case is a process of its own: lite0 and resnet50, 160 and 224 px, batch 32, fp32
"""

import json
import platform
import resource
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import polars as pl
import torch

from sfumato.data.augment import AugmentSpec
from sfumato.data.loading import Batch
from sfumato.data.pictures import Pictures
from sfumato.data.preprocess import Preprocess
from sfumato.data.table import Table, Task, make_table
from sfumato.labels import LabelSpace
from sfumato.models.classifier import ModelSpec, build_classifier
from sfumato.models.heads import LinearHeadSpec
from sfumato.run_folder import environment
from sfumato.training.duration import parse
from sfumato.training.job import Job, TrainSpec
from sfumato.training.keyframe import Keyframe
from sfumato.training.machine import Machine
from sfumato.training.memory import kept_memory, release_memory
from sfumato.training.plan import make_plan
from sfumato.training.schedules import CosineSpec
from sfumato.training.step import Learner

HALF = (0.5, 0.5, 0.5)
CASES = [("tf_efficientnet_lite0", 160), ("tf_efficientnet_lite0", 224), ("resnet50", 160)]
STEPS = 12


def measure(name: str, size: int, device: str) -> dict[str, float]:
    """Images per second of the median step, peak and final resident memory in MB; `device` none = memory not kept."""
    with kept_memory(device):
        keyframes = [Keyframe(at=parse("0ep"), image_size=size)]
        plan = make_plan(
            keyframes, CosineSpec(), base_lr=1e-3, epochs=1, samples=32 * STEPS, image_size=size, head=LinearHeadSpec()
        )
        model = build_classifier(ModelSpec(backbone=name, weights="none"), 10, size, HALF, HALF)
        machine = Machine("cpu", "fp32")
        table = samples(32 * STEPS)
        to = Preprocess(size, "crop", "bilinear", HALF, HALF)
        given = (TrainSpec(), AugmentSpec(), to, table, table, machine, 0, Pictures(0), Path("nowhere"))
        learner = Learner(Job(model, plan, *given))
        images = torch.randint(0, 256, (32, 3, size, size), dtype=torch.uint8)
        batch = Batch(images, (torch.arange(32) % 10)[:, None], tuple(range(32))).to(machine.device)
        seconds = []
        for step in range(STEPS):
            begin = time.perf_counter()
            learner.apply(plan.at(step))
            learner.step(batch, plan.at(step), 32)
            seconds.append(time.perf_counter() - begin)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        release_memory()
        return {"speed": 32 / sorted(seconds)[STEPS // 2], "peak": peak, "released": resident()}


def samples(count: int) -> Table:
    """So many of ten classes, without pictures."""
    names = tuple("abcdefghij")
    labels = [names[i % 10] for i in range(count)]
    columns = {"id": [str(i) for i in range(count)], "images": [[]] * count, "label": labels}
    frame = pl.DataFrame(columns, schema_overrides={"images": pl.List(pl.String())})
    return make_table(frame, (Task("label", LabelSpace(names)),), "made up")


def resident() -> float:
    """MB the process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def case(name: str, size: int, device: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--case", name, str(size), device]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])


def main() -> None:
    env = environment()
    lines = [
        "# Memory kept between training steps on a CPU",
        "",
        f"`python benchmarks/allocator.py --write`, {date.today()}. {env['processor']}, 2 cores, no GPU, glibc;",
        f"Python {env['python']}, torch {env['packages']['torch']}. Batch 32, fp32, median of {STEPS} steps.",
        "MB resident: at the peak, and after what an epoch's end gives back.",
        "",
        "| network | px | images/s, default | images/s, kept | ratio | peak MB | peak MB, kept | after release |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    gains = []
    for name, size in CASES:
        plain, kept = case(name, size, "none"), case(name, size, "cpu")
        gains.append(kept["speed"] / plain["speed"])
        figures = f"{plain['speed']:.1f} | {kept['speed']:.1f} | {gains[-1]:.2f}"
        lines.append(
            f"| {name} | {size} | {figures} | {plain['peak']:.0f} | {kept['peak']:.0f} | {kept['released']:.0f} |"
        )
        print(lines[-1], flush=True)
    if "--write" in sys.argv:
        target = Path(__file__).parent / "results" / f"allocator_2-core-{platform.machine()}_{date.today()}.md"
        target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert min(gains) > 0.95, "keeping memory made a network slower"


if __name__ == "__main__":
    if "--case" in sys.argv:
        at = sys.argv.index("--case")
        print(json.dumps(measure(sys.argv[at + 1], int(sys.argv[at + 2]), sys.argv[at + 3])))
    else:
        main()
