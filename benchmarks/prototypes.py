"""What prototypes cost: none where they are stored, and a new class one pass of the text tower over its own texts.

usage: prototypes.py [--model NAME] [--classes N] [--write]
--model     an OpenCLIP architecture, with random weights: time does not depend on them; none = ViT-B-16
--classes   how many there are; none = 40
--write     files the result in benchmarks/results

Every class has eight texts. The prototypes of all are asked for once with nothing stored, once with all of them stored,
and once with a class more than is stored; in turns, several times. Asserts how many texts the tower reads in each case,
and that a new class takes at most a third of the processor's time of all; wall time is anyone's on a busy machine.
"""

import argparse
import os
import platform
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import median

import torch

from sfumato.labels import Label
from sfumato.models.class_texts import BilingualTextsSpec, GivenTextsSpec, in_both
from sfumato.models.clip import ClipText, ClipTowersSpec
from sfumato.models.dual_encoder import DualEncoder
from sfumato.models.dual_encoder_spec import DualEncoderSpec
from sfumato.models.family import build_model
from sfumato.run_folder import environment

HERE = Path(__file__).parent
HALF = (0.5, 0.5, 0.5)
ROUNDS, MOST = 5, 1 / 3
TEMPLATES = BilingualTextsSpec(
    zh=("这是一张{}的气象图", "包含{}要素的天气图", "{}分布图", "一张显示{}的天气预报图"),
    en=("a meteorological chart showing {}", "weather map with {}", "a weather chart of {}", "a forecast map of {}"),
)


def texts_of(count: int) -> dict[str, tuple[str, ...]]:
    """Class -> its eight texts."""
    return {f"c{i}": in_both(Label(f"c{i}", zh=f"要素{i}", en=f"element {i}"), TEMPLATES) for i in range(count)}


def seconds(work: Callable[[], object]) -> float:
    """Of a processor."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def measured(name: str, classes: int) -> tuple[dict[str, float], dict[str, int]]:
    """Case -> seconds of a processor, the median of the rounds, and texts that were read."""
    whole, more = texts_of(classes), texts_of(classes + 1)
    clip = ClipTowersSpec(name=name, weights="none")
    spec = DualEncoderSpec(clip=clip, texts=GivenTextsSpec(texts=whole))
    model = build_model(spec, classes, 224, HALF, HALF).eval()
    assert isinstance(model, DualEncoder)
    read, plain, spent = 0, ClipText.forward, dict[str, list[float]]()

    def counted(self: ClipText, ids: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        nonlocal read
        read += len(ids)
        return plain(self, ids, there)

    ClipText.forward = counted
    stored, counts = model.reader.stored(), dict[str, int]()
    cases = {"nothing stored": (whole, {}), "all stored": (whole, stored), "a class more": (more, stored)}
    with torch.inference_mode():
        for case, (texts, known) in list(cases.items()) * ROUNDS:
            model.ask(texts)
            model.reader.take(known)
            read = 0
            spent.setdefault(case, []).append(seconds(model.prototypes))
            counts[case] = read
    ClipText.forward = plain
    return {case: median(each) for case, each in spent.items()}, counts


def main() -> None:
    """Measure, assert, print, and file it if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="ViT-B-16")
    parser.add_argument("--classes", type=int, default=40)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    torch.manual_seed(0)
    spent, counts = measured(asked.model, asked.classes)
    assert counts == {"nothing stored": 8 * asked.classes, "all stored": 0, "a class more": 8}, counts
    ratio = spent["a class more"] / spent["nothing stored"]
    assert ratio <= MOST, f"a class more takes {ratio:.2f} of the time of all"
    known = environment()
    lines = [
        f"# Prototypes of texts, {date.today().isoformat()}",
        "",
        f"`python benchmarks/prototypes.py --model {asked.model} --classes {asked.classes}`, {known['processor']},",
        f"{torch.get_num_threads()} threads, torch {torch.__version__}; {asked.classes} classes of eight texts each.",
        "",
        "| prototypes of all classes | texts read | seconds of a processor | of reading all |",
        "| --- | --- | --- | --- |",
        *(
            f"| {case} | {counts[case]} | {spent[case]:.3f} | {spent[case] / spent['nothing stored']:.3f} |"
            for case in spent
        ),
        "",
    ]
    print("\n".join(lines))
    if asked.write:
        name = f"prototypes_{os.cpu_count()}-core-{platform.machine()}_{date.today()}.md"
        (HERE / "results" / name).write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
