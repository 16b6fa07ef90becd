"""An encoder around StarNet wherever one of timm's could stand: plan, cost, frozen parts, kept features, bundle, answers."""

import json

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from tests.pictures import folder_per_class
from typer.testing import CliRunner

import sfumato
from sfumato.cli.app import app
from sfumato.errors import InputError
from sfumato.models.classifier import Classifier
from sfumato.models.starnet.encoders import ENCODERS

RECIPE = """
name: pyramid
data: {source: photos, split: {val: 0.25, test: 0.2}}
model: {backbone: starnet_dual_pyramid_rcf_pt, weights: {file: starnet_s1.safetensors}, drop_path: 0.1}
train: {epochs: 4, optimizer: {lr: 3e-3}, precision: fp32, workers: 0, gradient_checkpointing: true}
timeline:
  - {at: 0ep, image_size: 32, batch_size: 16, augment: 0, learn: {"head.*": 1, "*": frozen}}
  - at: 2ep
    learn: {"backbone.local_pyramid.stem.*": frozen, "backbone.local_pyramid.stages.0.*": frozen,
            "backbone.local_pyramid.*": 0.1, "*": 1}
  - {at: 3ep, image_size: 48}
"""
SCRATCH, PRETRAINED, FPN = ENCODERS
FROZEN = ("backbone.local_pyramid.stem.", "backbone.local_pyramid.stages.0.")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("starnet")
    folder_per_class(root / "photos", {"disc": 24, "stripes": 20, "checks": 20})
    torch.manual_seed(2)
    save_file(timm.create_model("starnet_s1").state_dict(), root / "starnet_s1.safetensors")
    (root / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def run(folder):
    with pytest.MonkeyPatch.context() as patch:
        looks, compute = [], Classifier.features
        patch.setattr(Classifier, "features", lambda self, shown: looks.append(self.training) or compute(self, shown))
        found = sfumato.train(folder / "recipe.yaml", out=folder / "run", quiet=True)
    assert sum(looks) == 4  # two steps in each of the last two epochs; before, all was computed once
    return found


def test_frozen_parts_stay_and_the_others_move(run, folder):
    start, end = load_file(folder / "starnet_s1.safetensors"), load_file(run.bundle / "weights.safetensors")
    kept = {
        name: end[name].equal(start[name.removeprefix("backbone.local_pyramid.")])
        for name in end
        if FROZEN[0] in name or FROZEN[1] in name
    }
    assert len(kept) > 20 and all(kept.values())
    assert not end["backbone.local_pyramid.stages.3.1.f1.conv.weight"].equal(start["stages.3.1.f1.conv.weight"])
    assert end["backbone.adapters.3.scale"].any()


def test_the_bundle_answers_as_the_run_did(run, folder):
    model, said = sfumato.load(run.bundle, device="cpu"), run.predictions["test"]
    found = np.concatenate([row.logits for _, row in model.scored([folder / "photos" / name for name in said.ids])])
    assert np.allclose(found, said.logits, atol=1e-4)
    assert json.loads((run.bundle / "manifest.json").read_text())["format"] == 1


def planned(folder, out, name, *options) -> str:
    settings = {"model.backbone": name, "model.weights": "none", "timeline[1].learn": "{'*': 1}"}
    asked = [part for setting, value in settings.items() for part in ("--set", f"{setting}={value}")]
    done = CliRunner().invoke(app, ["plan", str(folder / "recipe.yaml"), "--out", str(out), *asked, *options])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize(("name", "millions"), [(SCRATCH, "3.62M"), (PRETRAINED, "3.64M"), (FPN, "3.11M")])
def test_its_plan_is_drawn(folder, tmp_path, name, millions):
    assert millions in planned(folder, tmp_path / "plan", name, "--no-cost")


@pytest.mark.slow
def test_its_time_and_memory_are_told(folder, tmp_path):
    told = json.loads(planned(folder, tmp_path / "plan", SCRATCH, "--json"))
    assert all(phase["memory_bytes"] > 0 and phase["images_per_second"] > 0 for phase in told["cost"]["phases"])


def test_it_is_an_image_tower_beside_texts(folder):
    from sfumato.models.image_text import ImageTextSpec, ImageTowerSpec, build_image_text
    from sfumato.models.ngrams import NgramsSpec

    spec = ImageTextSpec(image=ImageTowerSpec(backbone="starnet_fpn_pan_rcf"), text=NgramsSpec(width=8, buckets=64))
    assert build_image_text(spec, 3, 32, (0.5,) * 3, (0.5,) * 3).widths == (192, 8)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model.backbone": "starnet_dual_pyramid_rcf"}, "neither by name nor by order"),
        (
            {"model.backbone": "starnet_dual_pyramid", "model.weights": "none"},
            "did you mean 'starnet_dual_pyramid_rcf'",
        ),
        ({"model.backbone": "starnet_dual_pyramid_rcf", "model.weights": "timm"}, "timm has no pretrained weights for"),
    ],
)
def test_wrong_settings_are_one_line(folder, tmp_path, settings, message):
    with pytest.raises(InputError) as caught:
        sfumato.train(folder / "recipe.yaml", overrides=settings, out=tmp_path / "run", quiet=True)
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()
