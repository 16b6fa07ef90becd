"""The weather example from charts to cascade: what it reaches on sources and times that training never saw, and costs.

usage: weather_cascade.py [--photos FOLDER] [--write]    --write files the result

Runs examples/weather/run.sh, which it times, and compare.sh where their runs are not there yet (about half an hour on
two cores), then reads what they left.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from sfumato.cascades.folder import CascadeFolder
from sfumato.evaluation.folder import Evaluation
from sfumato.json_file import read_json, write_json
from sfumato.metrics.blame import ENDS, TO_BLAME
from sfumato.metrics.cascade_results import CascadeResults, FlatComparison
from sfumato.metrics.intervals import Interval
from sfumato.run_folder import environment

HERE = Path(__file__).parent
EXAMPLE = HERE.parent / "examples" / "weather"
RUNS = EXAMPLE / "runs"
TIMED = RUNS / "seconds.json"
EVALUATED = RUNS / "compared"
ASKED = 25
"""Minutes that gallery, three stages, cascade and its report may take."""
STAGES = {
    "gate": ("gate",),
    "elements": ("elements-cnn-rnn", "elements-clip"),
    "the folds that say the words of products": tuple(f"elements-folds/fold-{fold}" for fold in range(3)),
    "products": ("products",),
    "flat": ("flat",),
}
"""What is trained -> the runs that it takes."""
SHOWN = {
    "gate": {"accuracy": "accuracy", "auc": "AUC", "eer": "EER"},
    "elements": {"map": "mAP", "micro_f1": "micro-F1", "macro_f1": "macro-F1"},
    "products": {"accuracy": "top-1", "top_3": "top-3", "top_5": "top-5", "macro_f1": "macro-F1"},
}


def run_example(photos: Path | None) -> None:
    """Run the documented commands, with the interpreter's own `python` and `sfumato` first on the path."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {**os.environ, "PATH": path}
    begin = time.monotonic()
    subprocess.run(["sh", "run.sh", *([str(photos.absolute())] if photos else [])], cwd=EXAMPLE, env=env, check=True)
    write_json(TIMED, {"seconds": time.monotonic() - begin})
    subprocess.run(["sh", "compare.sh"], cwd=EXAMPLE, env=env, check=True)


def share(found: Interval, sign: str = "") -> str:
    """Percent with the interval."""
    return f"{100 * found.value:{sign}.1f} ({100 * found.low:{sign}.1f} to {100 * found.high:{sign}.1f})"


def stages(found: CascadeResults) -> Iterator[str]:
    """A row a stage, and one for the end."""
    yield "| | samples | scores | ms each |"
    yield "| --- | --- | --- | --- |"
    for role, results in found.stages.items():
        scores = [f"{name} {share(results.scores[key])}" for key, name in SHOWN[role].items() if key in results.scores]
        spent = found.spent[role]
        yield f"| {role} | {results.samples} | {', '.join(scores)} | {1000 * spent.seconds_each:.1f} |"
    whole = found.whole.scores
    scores = f"accuracy {share(whole['accuracy'])}, macro-F1 {share(whole['macro_f1'])}"
    yield f"| end to end | {found.samples} | {scores} | |"


def endings(found: CascadeResults) -> Iterator[str]:
    """How samples end, and the stage to blame."""
    yield "| end | samples | share | first stage that went wrong |"
    yield "| --- | --- | --- | --- |"
    for name, words in ENDS.items():
        yield f"| {words} | {found.ends[name].count} | {share(found.ends[name].share)} | {TO_BLAME.get(name, '')} |"


def beside(flat: FlatComparison, found: CascadeResults) -> Iterator[str]:
    """The cascade against one classifier over all answers."""
    scores = flat.results.scores
    each = sum(one.seconds for one in found.spent.values()) / found.samples
    yield (
        f"One classifier over all products and `other_picture`: accuracy {share(scores['accuracy'])}, macro-F1"
        f" {share(scores['macro_f1'])}, {1000 * flat.seconds_each:.0f} ms a picture where the cascade takes"
        f" {1000 * each:.0f} (decoding in both). The cascade less it: accuracy {share(flat.accuracy, '+')}, macro-F1"
        f" {share(flat.macro_f1, '+')}; right alone {flat.mcnemar.only_a} and {flat.mcnemar.only_b}, McNemar's exact p"
        f" {flat.mcnemar.p:.2g}."
    )


def trained() -> Iterator[str]:
    """Seconds of training of each."""
    for name, runs in STAGES.items():
        yield f"{name} {sum(read_json(RUNS / run / 'cost.json')['seconds'] for run in runs):.0f} s"


def result() -> str:
    """The result as Markdown."""
    env, metrics = environment(), Evaluation(EVALUATED).metrics
    found = CascadeResults.from_dict(metrics["cascade"], str(EVALUATED))
    flat = FlatComparison.from_dict(metrics["flat"], str(EVALUATED))
    routes = CascadeFolder(RUNS / "cascade").story.routes
    text = (EXAMPLE / "charts" / "labels.jsonl").read_text(encoding="utf-8")
    table = [json.loads(line) for line in text.splitlines()]
    charts = sum(row["is_meteo"] for row in table)
    whole = "run in pieces, so that the time of the whole is not told"
    if TIMED.is_file():
        whole = f"{read_json(TIMED)['seconds'] / 60:.1f} minutes in all (asked: {ASKED})"
    lines = [
        "# The weather cascade on charts of sources and times it never saw",
        "",
        f"`python benchmarks/weather_cascade.py --write`, {date.today()}; {env['processor']}, two cores, no GPU;",
        f"Python {env['python']}, torch {env['packages']['torch']}, timm {env['packages']['timm']}.",
        f"examples/weather/run.sh renders {charts:,} charts of 33 products and {len(table) - charts:,} others, trains",
        "gate, elements (by CNN-RNN and by prototypes of texts, fused; three folds for their words too) and products,",
        f"builds the cascade and its report: {whole}; compare.sh trains a flat",
        "classifier of the same pixels, epochs and rates. EfficientNet-Lite0, 128 to 256 px. Seconds of training:",
        f"{', '.join(trained())}.",
        f"Thresholds, fitted on validation: gate {routes.gate:.3f}, answer {routes.answer:.3f}. Measured on",
        f"{found.samples} pictures of the sources whose charts end latest, which trained and chose nothing.",
        "Percent, 95 % intervals over resampled groups of one source.",
        "",
        *stages(found),
        "",
        *endings(found),
        "",
        *beside(flat, found),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    if not EVALUATED.is_dir():
        run_example(asked.photos)
    said = result()
    print(said)
    if asked.write:
        name = f"weather-cascade_2-core-{platform.machine()}_{date.today()}.md"
        (HERE / "results" / name).write_text(said, encoding="utf-8")
    if TIMED.is_file():
        assert read_json(TIMED)["seconds"] < 60 * ASKED, "the example takes longer than asked"


if __name__ == "__main__":
    main()
