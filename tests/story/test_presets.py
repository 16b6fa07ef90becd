"""Every preset trains to its end, all keyframes passed: a tiny backbone of the same family, few small pictures.

An epoch is one step here, so that all the epochs of a preset are gone through in seconds.
"""

import csv
import math
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from examples.named_products.tiny_gemma import folder
from tests.pictures import folder_per_class, marks, shapes_and_colours
from tests.presets import MULTITASK, settings_row
from tests.products import products
from tests.tiny_clip import tiny_clip

import sfumato
from sfumato.recipe.presets import recipe_names
from sfumato.tensor_file import read_tensors
from sfumato.training.keyframe import Ramp
from sfumato.training.settings import Settings
from sfumato.training.step import Learner

SMALL, LARGE = 32, 48
TINY = {
    "model.weights": "none",
    "train.precision": "fp32",
    "train.workers": 0,
    "train.checkpoint": {"every": "10ep"},
    "data.split.near_duplicates": "ignored",
}
RESNET = {**TINY, "model.backbone": "test_resnet", "timeline[0].image_size": SMALL}
OVERRIDES = {
    "crop-disease": {**RESNET, "timeline[7].image_size": LARGE},
    "crop-disease-figure": {**RESNET, "timeline[4].image_size": LARGE},
    "crop-disease-as-run": RESNET,
    "crop-disease-fewshot": RESNET,
    MULTITASK: {**RESNET, "timeline[7].image_size": LARGE, "data.columns.label": ["shape", "colour"]},
    "crop-disease-advanced": {**RESNET, "timeline[7].image_size": LARGE},
    "fashion-44-v1": {**TINY, "model.backbone": "test_efficientnet", "timeline[0].image_size": SMALL},
    "fashion-44-v2": {**TINY, "model.backbone": "test_convnext", "timeline[0].image_size": SMALL},
    "fashion-44-v2.1": {**TINY, "model.backbone": "test_convnext", "timeline[0].image_size": SMALL},
    "fashion-44-v3": {**TINY, "model.backbone": "test_efficientnet", "timeline[0].image_size": SMALL},
    "fashion-44-v3-as-written": {**TINY, "model.backbone": "test_efficientnet", "timeline[0].image_size": SMALL},
}

TOWERS = {"image": {"backbone": "test_resnet", "weights": "none"}, "text": {"kind": "ngrams", "buckets": 512}}
PRODUCTS = {
    **{name: value for name, value in TINY.items() if name not in ("model.weights", "train.checkpoint")},
    "model": {"kind": "image_text", **TOWERS},
    "timeline[0].image_size": SMALL,
}
OVERRIDES["multilabel"] = {
    **{name: value for name, value in TINY.items() if name != "train.checkpoint"},
    "model.backbone": "test_convnext",
    "model.head": {"kind": "ml_decoder", "width": 16, "attention_heads": 2, "hidden": 32},
    "timeline[0].image_size": SMALL,
    "timeline[2].image_size": LARGE,
    "data.columns.label": "marks",
}
OVERRIDES["medical-clip"] = {
    **{name: value for name, value in TINY.items() if name not in ("model.weights", "train.checkpoint")},
    "model.image": {"backbone": "test_resnet", "weights": "none"},
    "model.text": {"kind": "ngrams", "buckets": 512},
    "timeline[0].image_size": SMALL,
    "train.checkpoint": {"every": "50ep"},
}
OVERRIDES |= dict.fromkeys(("product-clip", "product-clip-stage1", "product-clip-stage2"), PRODUCTS)
NAMING = "weather-products-gemma"
OVERRIDES[NAMING] = {
    **{name: value for name, value in TINY.items() if name not in ("model.weights", "train.checkpoint")},
    "model.base": "fp32",
    "model.hub": None,
    "timeline[0].batch_size": 16,
}
OVERRIDES[f"{NAMING}-8gb"] = {
    **OVERRIDES[NAMING],
    "model.base": "int8",  # 4 bits and pages take a GPU
    "train.optimizer.kind": "adamw",
    "train.accumulate": 4,
}
BY_CLIP = "weather-elements-clip"
OVERRIDES[BY_CLIP] = {
    **{name: value for name, value in TINY.items() if name != "model.weights"},
    "model.clip": {"name": "tiny-sfumato", "weights": "none"},
    "timeline[0].image_size": SMALL,
    "data.columns.label": "marks",
}
OVERRIDES["weather-elements-cnn-rnn"] = {
    **RESNET,
    "data.columns.label": "marks",
    "model.decoder.hidden": 16,
    "model.decoder.embedding": 8,
}
OVERRIDES["weather-gate"] = RESNET
OVERRIDES["weather-products-light"] = PRODUCTS


class Finished:
    """A finished run, its history by column, and the settings that each of its steps was taken with."""

    def __init__(self, run: sfumato.Run, settings: list[Settings]) -> None:
        self.run = run
        self.settings = settings
        rows = list(csv.DictReader((run.folder / "history.csv").read_text(encoding="utf-8").splitlines()))
        self.epochs = len(rows)
        self.columns = {name: [row[name] for row in rows] for name in rows[0]}

    def numbers(self, column: str) -> list[float]:
        return [float(cell) for cell in self.columns[column] if cell]

    def ratio(self, epoch: int) -> float:
        """Learning rate at an epoch over that of the epoch before."""
        lr = self.numbers("lr")
        return lr[epoch] / lr[epoch - 1]


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    return folder_per_class(tmp_path_factory.mktemp("presets") / "photos", {"rot": 18, "rust": 14, "well": 8}, SMALL)


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    """Pictures with two answers each."""
    return shapes_and_colours(tmp_path_factory.mktemp("table"), 40, SMALL)


@pytest.fixture(scope="module")
def wares(tmp_path_factory) -> Path:
    """Pictures with texts."""
    root = tmp_path_factory.mktemp("wares")
    folder(root / "gemma", words=tuple("。哪一种气象产品"))
    return products(root / "products", 40, SMALL)


@pytest.fixture(scope="module")
def charts(tmp_path_factory) -> Path:
    """Pictures of any number of classes each, which have names in Chinese and English."""
    root = tmp_path_factory.mktemp("charts")
    tiny_clip(root / "clip")
    named = "".join(f"  - {{id: {one}, zh: {one}色, en: {one} mark}}\n" for one in ("red", "green", "蓝"))
    (root / "labels.yaml").write_text(f"marks:\n{named}", encoding="utf-8")
    return marks(root / "charts", 40, SMALL)


@pytest.fixture(scope="module")
def gates(tmp_path_factory) -> Path:
    """Pictures of two classes, one rarer."""
    return folder_per_class(tmp_path_factory.mktemp("gates") / "photos", {"chart": 14, "other": 26}, SMALL)


@pytest.fixture(scope="module")
def one_thread():
    """Networks this small gain nothing from a second thread, which costs minutes where the machine is busy."""
    former = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(former)


@pytest.fixture(scope="module")
def finished(photos, table, wares, charts, gates, one_thread):
    """Trains a preset once."""
    done: dict[str, Finished] = {}
    sources = {
        MULTITASK: table,
        "multilabel": charts,
        BY_CLIP: charts,
        "weather-elements-cnn-rnn": charts,
        "weather-products-light": wares,
        "weather-gate": gates,
    }

    def train(name: str) -> Finished:
        if name not in done:
            source = wares if name.startswith(("product", NAMING)) else sources.get(name, photos)
            overrides = {**OVERRIDES[name], "data.source": str(source)}
            if name.startswith(NAMING):
                overrides["model.folder"] = str(wares.parent.parent / "gemma")
            if name == BY_CLIP:
                overrides["data.labels"] = {"file": str(charts.parents[1] / "labels.yaml")}
            with applied_settings() as settings:
                run = sfumato.train(name, overrides=overrides, out=photos.parent / name, quiet=True)
            done[name] = Finished(run, settings)
        return done[name]

    return train


@contextmanager
def applied_settings() -> Generator[list[Settings]]:
    """Settings in the order in which the loop gives them to the learner."""
    seen: list[Settings] = []
    original = Learner.apply

    def apply(self: Learner, settings: Settings) -> None:
        seen.append(settings)
        original(self, settings)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Learner, "apply", apply)
        yield seen


VARIANTS = {
    "crop-disease-advanced", "crop-disease-as-run", "crop-disease-figure", "fashion-44-v1", "fashion-44-v2",
    "fashion-44-v3-as-written", "product-clip-stage1", "weather-gate", "weather-products-gemma-8gb",
}  # fmt: skip
"""Those that differ in settings from another that is trained by default."""
NAMES = [pytest.param(name, marks=pytest.mark.slow if name in VARIANTS else ()) for name in recipe_names()]


def test_every_preset_has_its_story():
    assert sorted(OVERRIDES) == recipe_names() and set(recipe_names()) > VARIANTS


@pytest.mark.parametrize("name", NAMES)
def test_it_trains_past_its_last_keyframe(name, finished):
    done = finished(name)
    recipe = sfumato.load_recipe(done.run.folder / "recipe.yaml").recipe
    assert done.epochs > max(keyframe.at.amount for keyframe in recipe.timeline)
    assert done.epochs == recipe.train.epochs or recipe.train.stop is not None
    assert all(math.isfinite(loss) for loss in done.numbers("train_loss"))
    tasks = [f"val.{task}" for task in ("shape", "colour")] if name == MULTITASK else ["val"]
    assert all(done.run.metrics[task] for task in tasks) and (done.run.bundle / "manifest.json").is_file()


@pytest.mark.parametrize("name", NAMES)
def test_every_keyframe_was_applied_at_its_epoch(name, finished):
    done = finished(name)
    recipe = sfumato.load_recipe(done.run.folder / "recipe.yaml").recipe
    checked = 0
    for keyframe in recipe.timeline:
        row = settings_row(done.settings[int(keyframe.at.amount)])
        for track in set(keyframe.tracks) & set(row):
            checked += was_applied(getattr(keyframe, track), row[track], track)
    assert checked >= 2
    assert [settings.epoch for settings in done.settings] == list(range(done.epochs))


def was_applied(value: object, seen: object, track: str) -> bool:
    """Assert that a step saw what a keyframe says; False for a ramp, which only begins there."""
    if isinstance(value, Ramp):
        return False
    if track == "learn":
        value = {pattern: 0.0 if scale == "frozen" else scale for pattern, scale in value.items()}
    assert seen == (True if track == "swa" else value), track
    return True


@pytest.mark.parametrize(
    ("name", "unfrozen", "enlarged"),
    [
        ("crop-disease", [20], 30),
        ("crop-disease-figure", [10, 20], 25),
        ("crop-disease-as-run", [], None),
        ("crop-disease-fewshot", [], None),
        ("crop-disease-advanced", [20], 30),
        (MULTITASK, [20], 30),
    ],
)
def test_the_history_shows_the_stages_of_crop_disease(name, unfrozen, enlarged, finished):
    done = finished(name)
    learning = done.numbers("learning")
    assert [epoch for epoch in range(1, done.epochs) if learning[epoch] > learning[epoch - 1]] == unfrozen
    assert done.numbers("image_size") == [LARGE if enlarged and e >= enlarged else SMALL for e in range(done.epochs)]
    assert done.ratio(1) > 5 and done.ratio(6) < 1
    assert 1.1 < done.ratio(10) < 1.2
    assert 0.3 < done.ratio(25) < 0.4


def test_the_history_shows_what_only_some_have(finished):
    base, advanced = finished("crop-disease"), finished("crop-disease-advanced")
    assert not base.numbers("ema_accuracy") and len(advanced.numbers("ema_accuracy")) == 50
    learning = advanced.numbers("learning")
    assert learning[34] - learning[35] == 3  # a cosine head has no bias
    assert len(set(base.numbers("learning")[20:])) == 1


def test_a_reading_is_another_training(finished):
    losses = [tuple(finished(name).numbers("train_loss")) for name in OVERRIDES if name.startswith("crop")]
    assert len(set(losses)) == 6
    assert finished("fashion-44-v3").numbers("train_loss") != finished("fashion-44-v3-as-written").numbers("train_loss")


def test_several_columns_have_a_head_and_a_learnt_weight_each(finished):
    done = finished(MULTITASK)
    assert done.numbers("learning")[0] == 2 + 2 * (96 * 3 + 3)
    assert len(done.numbers("val_macro_f1.shape")) == len(done.numbers("val_macro_f1.colour")) == 50
    learnt = read_tensors(done.run.folder / "checkpoints/last/model.safetensors")["uncertainty"]
    assert learnt.shape == (2,) and learnt.abs().min() > 0


def test_averaging_takes_every_second_epoch_from_20(finished):
    done = finished("fashion-44-v2")
    averaged = [epoch for epoch, cell in enumerate(done.columns["swa_accuracy"]) if cell]
    assert averaged[0] == 21
    lr = done.numbers("lr")
    assert lr[0] == pytest.approx(0.02 * 1e-4) and max(lr) == pytest.approx(1e-4) and lr[25] == pytest.approx(1e-5)


def test_folds_and_early_stopping(finished):
    done = finished("fashion-44-v2.1")
    assert 22 <= done.epochs <= 30
    splits = list(csv.DictReader((done.run.folder / "data" / "splits.csv").read_text(encoding="utf-8").splitlines()))
    parts = [row["part"] for row in splits]
    assert parts.count("val") == pytest.approx(parts.count("train") / 2, abs=2)


def test_one_cycle_rises_and_falls(finished):
    lr = finished("fashion-44-v3").numbers("lr")
    assert lr[0] == pytest.approx(4e-5) and lr[2] == pytest.approx(1e-3) and lr[-1] == pytest.approx(4e-8)


def test_draws_go_from_balanced_to_natural(finished):
    powers = [settings.sampler_power for settings in finished("fashion-44-v3").settings]
    assert powers[:2] == [1, 1] and powers[-1] == pytest.approx(1 / 29)
    assert powers[15] == pytest.approx(15 / 29)


def test_the_rate_falls_on_a_plateau(finished):
    lr = finished("fashion-44-v1").numbers("lr")
    falls = [epoch for epoch in range(1, 30) if lr[epoch] < lr[epoch - 1]]
    assert all(lr[epoch] == pytest.approx(lr[epoch - 1] / 10) for epoch in falls) and falls
