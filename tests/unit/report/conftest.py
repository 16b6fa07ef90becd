"""Plans and finished runs made up for the report's tests: nothing is trained."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from tests.pictures import KINDS, picture
from torch import nn

from sfumato.data.table import Table, Task, make_table
from sfumato.decided import measure_decisions
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.logit_adjustment import class_priors
from sfumato.decision.policy_fit import fit_policy
from sfumato.labels import LabelSpace
from sfumato.models.heads import LinearHeadSpec
from sfumato.outcome import write_metrics, write_tau_curve
from sfumato.predictions import Predictions
from sfumato.recipe.schema import Recipe
from sfumato.run_folder import RunFolder
from sfumato.training.keyframe import Keyframe
from sfumato.training.plan import Plan, make_plan
from sfumato.training.schedules import ConstantSpec

KEYFRAMES = (
    {"at": "0ep", "learn": {"head.*": 1, "*": "frozen"}, "image_size": 32, "batch_size": 10, "mixup_alpha": 0.4},
    {"at": "2ep", "learn": {"*": 1}, "mixup_alpha": {"to": 0, "over": "2ep"}},
    {"at": "4ep", "image_size": 48, "lr_scale": 0.5},
)
HISTORY = (
    "epoch,step,lr,image_size,learning,train_loss,train_accuracy,val_loss,val_accuracy,val_balanced_accuracy,"
    "val_macro_f1,ema_loss,ema_accuracy,ema_balanced_accuracy,ema_macro_f1,best,images_per_second,seconds"
)


class Net(nn.Module):
    """Named as a classifier's parts are: 8 numbers in the backbone, 6 in the head."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
        self.head = nn.Linear(2, 2)


@pytest.fixture(autouse=True)
def one_thread():
    """The networks here are so small that threads would only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def net() -> Net:
    return Net()


@pytest.fixture
def plan() -> Plan:
    """6 epochs of 10 steps: frozen until 2, mixup from 0.4 down to 0 from 2 to 4, larger pictures from 4."""
    keyframes = [Keyframe.model_validate(keyframe) for keyframe in KEYFRAMES]
    schedule = ConstantSpec.model_validate({"warmup": "1ep", "warmup_from": 0})
    return make_plan(keyframes, schedule, base_lr=0.01, epochs=6, samples=100, image_size=64, head=LinearHeadSpec())


MakeRun = Callable[..., RunFolder]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """A function that writes a run's folder: names, samples of each part, whether pictures and results are there."""

    def make(
        names: tuple[str, ...] = ("a", "b"),
        *,
        train: int = 40,
        val: int = 40,
        test: int = 40,
        trained: tuple[int, ...] | None = None,
        decision: DecisionSpec | None = None,
        pictures: bool = True,
        finished: bool = True,
    ) -> RunFolder:
        folder = RunFolder(tmp_path / "run")
        rng = np.random.default_rng(0)
        labels = {
            part: np.arange(count) % len(names) for part, count in (("train", train), ("val", val), ("test", test))
        }
        if trained is not None:  # images of each class, instead of as many of all
            labels["train"] = np.repeat(np.arange(len(names)), trained)
        table = _table(tmp_path, names, labels)
        if pictures:
            for row, image in enumerate(table.first_images):
                picture(KINDS[row % 3], row, 24).save(image)
        folder.write_inputs(_recipe(tmp_path), table, _bad(tmp_path), ["train.device: cpu, <no cuda> & no mps here"])
        _write_history(folder)
        if finished:
            measured = {part: labels[part] for part in ("val", "test") if len(labels[part])}
            _write_results(folder, table, names, measured, rng, decision or DecisionSpec())
        return folder

    return make


def _recipe(root: Path) -> Recipe:
    document = {
        "name": "made-up",
        "data": {"source": str(root)},
        "model": {"backbone": "test_resnet", "weights": "none"},
        "train": {"epochs": 6},
        "timeline": KEYFRAMES,
    }
    return Recipe.model_validate_json(json.dumps(document))


def _table(root: Path, names: tuple[str, ...], labels: dict[str, np.ndarray]) -> Table:
    (root / 'pictures <of> "ours"').mkdir()
    rows = {
        "id": [f"{part}-{i}" for part, classes in labels.items() for i in range(len(classes))],
        "images": [
            [str(root / 'pictures <of> "ours"' / f"{part}-{i}.png")]
            for part, classes in labels.items()
            for i in range(len(classes))
        ],
        "label": [names[c] for classes in labels.values() for c in classes],
        "part": [part for part, classes in labels.items() for _ in classes],
    }
    return make_table(pl.DataFrame(rows), (Task("label", LabelSpace(tuple(sorted(names)))),), "test")


def _bad(root: Path) -> pl.DataFrame:
    return pl.DataFrame({"id": ["x"], "image": [str(root / "<broken>.png")], "problem": ["damaged: cut & dried"]})


def _write_history(folder: RunFolder) -> None:
    with folder.history.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HISTORY.split(","))
        for epoch in range(6):
            average = [0.8, 0.7, 0.7, 0.6 + 0.01 * epoch] if epoch > 1 else [""] * 4
            scores = [1 / (epoch + 1), 0.6, 1 / (epoch + 1), 0.5, 0.5, 0.4]
            writer.writerow(
                [epoch, 4 * epoch + 4, 0.01, 32, 14, *scores, *average, "raw" if epoch in (0, 3) else "", 100.0, 30.0]
            )


def _write_results(
    folder: RunFolder,
    table: Table,
    names: tuple[str, ...],
    labels: dict[str, np.ndarray],
    rng: np.random.Generator,
    decision: DecisionSpec,
) -> None:
    space, trained = LabelSpace(tuple(sorted(names))), table.part("train").class_counts
    order = np.array([space.index(name) for name in names])
    lean = np.log(class_priors(trained))
    said = {part: _predictions(part, order[classes], space, rng, lean) for part, classes in labels.items()}
    policy = fit_policy(said.get("val"), decision, trained)
    folder.bundle.mkdir()
    if "val" in said:
        (folder.bundle / "policy.json").write_text(json.dumps(policy.to_dict()), encoding="utf-8")
        write_tau_curve(folder, said["val"], policy, trained)
    for part, predictions in said.items():
        predictions.write(folder.predictions(part))
    write_metrics(folder, {part: measure_decisions(one, policy, trained) for part, one in said.items()})


def _predictions(
    part: str, truth: np.ndarray, space: LabelSpace, rng: np.random.Generator, lean: np.ndarray
) -> Predictions:
    """Answers that lean, as those of a plain training do, to the classes that were frequent in it."""
    logits = (rng.normal(0, 1, (len(truth), len(space))) + lean - lean.mean()).astype(np.float32)
    logits[np.arange(len(truth)), truth] += 1.5
    return Predictions(tuple(f"{part}-{i}" for i in range(len(truth))), truth, logits, space)
