"""The presets with every setting written out, their printed plans, and every epoch of the three crop-disease readings.

`REGENERATE=1 make test` writes them anew; look at the difference before committing it.
"""

import os
from pathlib import Path

import pytest
import torch
from examples.named_products.tiny_gemma import folder
from tests.presets import classes_of, epoch_row, plan_of, resolved, with_small_towers

from sfumato.models.clip import ClipSpec
from sfumato.models.dual_encoder_spec import DualEncoderSpec
from sfumato.models.family import build_model
from sfumato.models.vlm.spec import VlmSpec
from sfumato.recipe.preset_text import preset_text
from sfumato.recipe.presets import preset_names, recipe_names
from sfumato.report.timeline import plan_text
from sfumato.training.parameters import check_learning

HERE = Path(__file__).parent / "presets"
READINGS = ("crop-disease", "crop-disease-figure", "crop-disease-as-run")
HALF = (0.5, 0.5, 0.5)


def check(name: str, text: str) -> None:
    path = HERE / name
    if os.environ.get("REGENERATE"):
        HERE.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{name} differs; look at it, then REGENERATE=1"


def test_all_twenty_three_presets_are_checked_and_no_file_is_left_over():
    names = preset_names()
    assert len(names) == 23 and set(names) - set(recipe_names()) == {"product-stack"}
    wanted = {f"{name}.yaml" for name in names} | {f"{name}.txt" for name in recipe_names()}
    assert {path.name for path in HERE.iterdir()} == wanted | {f"{name}.epochs.txt" for name in READINGS}


@pytest.mark.parametrize("name", preset_names())
def test_the_resolved_text(name):
    check(f"{name}.yaml", preset_text(name))


@pytest.mark.parametrize("name", recipe_names())
def test_the_printed_plan(name, tmp_path):
    recipe = resolved(name)
    plan = plan_of(name, recipe)
    if isinstance(recipe.model, ClipSpec | DualEncoderSpec):
        recipe = with_small_towers(recipe)  # the plan is that of their heads, and the patterns cover any towers
    if isinstance(recipe.model, VlmSpec):
        small = recipe.model.model_copy(update={"hub": None, "folder": str(folder(tmp_path))})
        model = build_model(small, 2, plan.final_size, HALF, HALF, names=("a", "b"))
        check_learning(model, plan)
        check(f"{name}.txt", plan_text(plan, model) + "\n")
        return
    with torch.device("meta"):  # only names and shapes count
        model = build_model(recipe.model, classes_of(name), plan.final_size, HALF, HALF)
        if recipe.train.task_weights == "uncertainty":
            model.learn_uncertainty()
    check_learning(model, plan)
    check(f"{name}.txt", plan_text(plan, model) + "\n")


@pytest.mark.parametrize("name", READINGS)
def test_every_epoch_of_a_reading(name):
    plan = plan_of(name, resolved(name))
    rows = [epoch_cells(epoch_row(plan, epoch)) for epoch in range(plan.clock.epochs)]
    assert len(rows) == 50
    head = ["epoch", *rows[0]]
    cells = [head, *([str(epoch), *row.values()] for epoch, row in enumerate(rows))]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = ["  ".join(map(str.rjust, row, widths)) for row in cells]
    check(f"{name}.epochs.txt", "\n".join(lines) + "\n")


def epoch_cells(row: dict) -> dict[str, str]:
    learn = [pattern for pattern, scale in row["learn"].items() if scale > 0]
    weights, loss, centre = row["class_weights"], row["loss"], row["centre_loss"]
    return {
        "lr": f"{row['lr']:.5e}",
        "learn": ",".join(learn),
        "mixup": f"{row['mixup_alpha']:g}",
        "cutmix": f"{row['cutmix_alpha']:g}",
        "mixed": f"{row['mix_probability']:g}",
        "smoothing": f"{row['label_smoothing']:g}",
        "loss": f"{loss.kind}({loss.mean})" if loss.kind == "tail_focal" else loss.kind,
        "weights": weights.kind if weights else "-",
        "sampler": f"{row['sampler_power']:g}",
        "px": str(row["image_size"]),
        "augment": f"{row['augment']:g}",
        "head": row["head"].kind + ("+centre" if centre else ""),
    }
