"""What must not change unnoticed: the demonstration's recipe with every default, its printed plan, a bundle of old.

`REGENERATE=1 make test` writes them anew; look at the difference before committing it.
"""

import os
from importlib.resources import files
from pathlib import Path

import pytest
from tests.pictures import KINDS, picture

import sfumato
from sfumato.data.assumed import Assumed
from sfumato.models.classifier import build_classifier
from sfumato.models.heads import LinearHeadSpec
from sfumato.preparation.preview import preview
from sfumato.recipe.load import load_recipe, to_yaml
from sfumato.report.timeline import plan_text
from sfumato.training.plan import make_plan

HERE = Path(__file__).parent
DEMO = str(files("sfumato.demo") / "recipe.yaml")


def check(name: str, text: str) -> None:
    path = HERE / name
    if os.environ.get("REGENERATE"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{name} differs; look at it, then REGENERATE=1"


@pytest.fixture
def demo():
    return load_recipe(DEMO, {"data.source": "/cells.csv"}).recipe


def test_the_resolved_recipe(demo):
    check("demo_recipe.yaml", to_yaml(demo))


def test_the_printed_plan(demo):
    optimizer = demo.train.optimizer
    plan = make_plan(
        demo.timeline,
        demo.train.schedule,
        base_lr=optimizer.lr,
        epochs=demo.train.epochs,
        samples=1600,
        image_size=224,
        head=LinearHeadSpec(),
    )
    half = (0.5, 0.5, 0.5)
    check("demo_plan.txt", plan_text(plan, build_classifier(demo.model, 2, 160, half, half)) + "\n")


def test_the_printed_plan_of_every_track():
    prepared = preview(load_recipe(HERE / "all_tracks.yaml").recipe, Assumed(1600, 4))
    notes = "\n".join(prepared.notes)
    check("all_tracks_plan.txt", f"{notes}\n{plan_text(prepared.plan, prepared.model)}\n")


def test_a_bundle_of_format_1_still_answers(tmp_path):
    """Its weights, preprocessing and policy were written by 0.1.0; loading it runs its own golden samples."""
    model = sfumato.load(HERE / "bundle-format-1")
    said = model.predict([picture(kind, 7) for kind in KINDS])
    text = "".join(f"{d.label} {d.confidence:.3f} {d.abstained}\n" for d in said)
    check("bundle-format-1.txt", text)
