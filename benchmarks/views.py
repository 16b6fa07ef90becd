"""Whether looking at a picture more than once pays: solar cells, a short training, each kind of views.

usage: views.py [SEEDS] [--write]    default: 1 seed; --write files the result in benchmarks/results

One training a seed, in which every view is looked at. What validation would choose is asked afterwards, and every set
of views is measured on the test part, which chose nothing, under a policy fitted on validation.
"""

import os
import platform
import sys
import tempfile
from datetime import date
from importlib.resources import files
from pathlib import Path

import numpy as np

import sfumato
from sfumato.data.views import expand, kinds
from sfumato.decision.view_choice import ViewChoice, choose_views
from sfumato.decision.view_policy import average_views, fit_view_policy
from sfumato.demo.elpv import read_cells, write_table
from sfumato.looking import only
from sfumato.metrics.calibration import negative_log_likelihood
from sfumato.recipe.load import load_recipe
from sfumato.run_folder import RunFolder, environment
from sfumato.view_tables import read_view_table

HERE = Path(__file__).parent
SETTINGS = {
    "train.epochs": 3,
    "timeline": [{"at": "0ep", "image_size": 96}],
    "data.split": {"val": 0.25, "test": 0.25, "stratify": ["kind", "probability"]},
    "views": {"flips": ["horizontal", "vertical", "transpose"], "scales": [0.9, 1.1], "crops": "five", "use": "always"},
}
HEAD = "| seed | views | looks | val loss | gain | standard error | val macro-F1 | chosen | test accuracy | test loss |"


def train(table: Path, seed: int, out: Path) -> RunFolder:
    recipe = str(files("sfumato.demo") / "recipe.yaml")
    overrides = {**SETTINGS, "data.source": str(table), "train.seed": seed}
    return RunFolder(sfumato.train(recipe, overrides=overrides, out=out).folder)


def rows(run: RunFolder, seed: int) -> list[str]:
    """A row a set of views: as validation heard it, and what it is worth on the test part."""
    recipe, said = load_recipe(run.recipe).recipe, sfumato.Run(run.path).predictions
    val, test = ({"": read_view_table(run.view_predictions(part), said[part])} for part in ("val", "test"))
    counts = run.read_table().part("train").counts
    views = expand(recipe.views)
    choice: ViewChoice = choose_views(val, kinds(views), recipe.decision, counts, recipe.train.select)
    found: list[str] = []
    for one in choice.tried:
        chosen = [view for view in views if view.name in one.views]
        policy = fit_view_policy(only(val, chosen)[""], recipe.decision, counts[""])
        mean = average_views(only(test, chosen)[""], policy)
        accuracy = (mean.logits.argmax(axis=1) == mean.truth).mean()
        loss = negative_log_likelihood(mean.logits / policy.pool_at.value, mean.truth)
        gain = "" if one.gain is None else f"{one.gain:+.4f} | {one.error:.4f}"
        mark = "yes" if one.views == choice.views else ""
        cells = [seed, one.name, len(one.views), f"{one.loss:.4f}", gain or " | ", f"{one.score:.4f}", mark]
        found.append("| " + " | ".join(map(str, [*cells, f"{accuracy:.4f}", f"{loss:.4f}"])) + " |")
    return found


def main() -> None:
    seeds = int(next((word for word in sys.argv[1:] if word.isdigit()), "1"))
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "cells.csv"
        write_table(table, list(read_cells()))
        lines = [line for seed in range(seeds) for line in rows(train(table, seed, Path(folder) / f"{seed}"), seed)]
        part = sfumato.Run(Path(folder) / "0").predictions
        sizes = {name: int(np.size(said.truth)) for name, said in part.items()}
    lines = [HEAD, "|" + " --- |" * HEAD.count(" | ") + " --- |", *lines]
    print("\n".join(lines))
    if "--write" in sys.argv:
        write(lines, seeds, sizes)


def write(lines: list[str], seeds: int, sizes: dict[str, int]) -> None:
    found = environment()
    packages = ", ".join(f"{name} {found['packages'][name]}" for name in ("torch", "timm"))
    head = f"""# Views: whether looking at a solar cell more than once pays

`python benchmarks/views.py {seeds} --write`, {date.today()}. {found["processor"]}, no GPU;
Python {platform.python_version()}, {packages}.
Data: ELPV, defective = probability >= 0.5; {sizes["val"]} cells for validation, {sizes["test"]} for the test.
EfficientNet-Lite0 from ImageNet, 3 epochs at 96 px, trained with the same flips. `val` figures are selection scores;
the policy of every row is fitted on validation.

"""
    name = f"views_{os.cpu_count()}-core-{platform.machine()}_{date.today()}.md"
    (HERE / "results" / name).write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
