"""Several tasks: their losses against torch's, learnt weights in closed form, heads, and what is refused."""

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from tests.jobs import job_of
from torch.nn import functional as F

from sfumato.data.loading import Batch
from sfumato.data.mixing import one_hots
from sfumato.data.sampling import epoch_order
from sfumato.data.table import Table, Task, make_table
from sfumato.errors import InputError
from sfumato.labels import LabelSpace
from sfumato.losses.tail_focal import TailFocalSpec
from sfumato.models.classifier import ModelSpec, build_classifier
from sfumato.models.heads import CosineHeadSpec, LinearHeadSpec
from sfumato.preparation.preview import preview
from sfumato.recipe.load import load_recipe
from sfumato.tasks import TaskLayout
from sfumato.training.criterion import Criterion
from sfumato.training.duration import parse
from sfumato.training.job import TrainSpec
from sfumato.training.keyframe import Keyframe
from sfumato.training.optimizer import SgdSpec
from sfumato.training.plan import make_plan
from sfumato.training.records import EpochDone
from sfumato.training.schedules import ConstantSpec
from sfumato.training.step import Learner
from sfumato.training.task_loss import TaskLoss

HALF = (0.5, 0.5, 0.5)
SIZES = {"shape": 3, "colour": 2}
TARGETS = torch.tensor([[0, 1], [2, -1], [1, 0], [-1, 1], [2, 0], [0, -1]])
COUNTS = {"shape": np.array([40, 20, 6]), "colour": np.array([50, 16])}


def plan(**tracks):
    keyframes = [Keyframe.model_validate({"at": parse("0ep"), **tracks})] if tracks else []
    return make_plan(keyframes, ConstantSpec(), base_lr=0.1, epochs=4, samples=32, image_size=32, head=LinearHeadSpec())


def settings(**tracks):
    return plan(**tracks).at(0)


def criterion(weights=(1.0, 1.0), uncertainty=None) -> Criterion:
    device = torch.device("cpu")
    names = {"shape": ("a", "b", "c"), "colour": ("d", "e")}
    tasks = [TaskLoss(COUNTS[task], names[task], device) for task in SIZES]
    return Criterion(tasks, weights, uncertainty, lambda figure: figure)


def logits(seed=0) -> torch.Tensor:
    return torch.randn(6, 5, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def loss_of(made: Criterion, z: torch.Tensor, found, targets=TARGETS, pieces=1) -> torch.Tensor:
    soft = one_hots(targets, made.sizes)
    wanted = made.want(targets, soft, found, share=len(targets)).pieces(pieces)
    rows = z.tensor_split(pieces)
    return sum(made(torch.zeros(len(part), 4), part, sought, found) for part, sought in zip(rows, wanted, strict=True))


def torch_losses(z, smoothing=0.0, weighted=False) -> list[torch.Tensor]:
    parts = z.split(list(SIZES.values()), dim=1)
    found = []
    for part, column, counts in zip(parts, TARGETS.T, COUNTS.values(), strict=True):
        weight = torch.tensor(1 / counts).float() if weighted else None
        found.append(F.cross_entropy(part, column, weight, ignore_index=-1, label_smoothing=smoothing))
    return found


@pytest.mark.parametrize("pieces", [1, 2, 4])
@pytest.mark.parametrize("weights", [(1.0, 1.0), (1.0, 0.25)])
def test_the_loss_is_the_weighted_sum_of_torch_over_the_answers_there_are(weights, pieces):
    z = logits()
    found = loss_of(criterion(weights), z, settings(), pieces=pieces)
    expected = sum(weight * loss for weight, loss in zip(weights, torch_losses(z), strict=True))
    assert torch.allclose(found, expected)
    ours, theirs = (torch.autograd.grad(loss, z, retain_graph=True)[0] for loss in (found, expected))
    assert torch.allclose(ours, theirs, atol=1e-7)


def test_each_task_is_smoothed_and_weighed_by_its_own_classes():
    z = logits()
    found = loss_of(criterion(), z, settings(label_smoothing=0.1, class_weights={"kind": "inverse_frequency"}))
    assert torch.allclose(found, sum(torch_losses(z, 0.1, weighted=True)))


def test_a_task_without_any_answer_adds_nothing():
    z, targets = logits(), TARGETS.clone()
    targets[:, 1] = -1
    found = loss_of(criterion(), z, settings(), targets)
    assert torch.allclose(found, torch_losses(z)[0])
    assert torch.autograd.grad(found, z)[0][:, 3:].abs().max() == 0


@pytest.mark.parametrize("pieces", [1, 2, 3])
def test_learnt_weights_have_the_gradient_of_kendall_and_others(pieces):
    """d/ds (exp(-s) L + s / 2) = 1/2 - exp(-s) L, and exp(-s) of the gradient reaches the logits."""
    z, s = logits(), torch.tensor([0.3, -0.7], requires_grad=True)
    found = loss_of(criterion(uncertainty=s), z, settings(), pieces=pieces)
    losses = torch_losses(z)
    expected = sum(math.exp(-value) * loss + value / 2 for value, loss in zip(s.tolist(), losses, strict=True))
    assert torch.allclose(found, expected)
    of_s, of_z = torch.autograd.grad(found, (s, z), retain_graph=True)
    wanted = [0.5 - math.exp(-value) * loss.item() for value, loss in zip(s.tolist(), losses, strict=True)]
    assert of_s.tolist() == pytest.approx(wanted, rel=1e-5)
    assert torch.allclose(of_z, torch.autograd.grad(expected, z)[0], atol=1e-7)


def test_a_batch_without_an_answer_leaves_a_learnt_weight_alone():
    s, targets = torch.zeros(2, requires_grad=True), TARGETS.clone()
    targets[:, 1] = -1
    found = loss_of(criterion(uncertainty=s), logits(), settings(), targets)
    assert torch.autograd.grad(found, s)[0][1] == 0


def test_hits_are_the_mean_over_the_tasks_that_were_answered():
    z = one_hots(torch.tensor([[0, 0], [2, 0], [1, 0], [0, 1], [0, 1], [1, 1]]), list(SIZES.values()))
    # right of answered: 1/2, 1/1, 2/2, 1/1, 0/2, 0/1
    assert float(criterion().hits(z, one_hots(TARGETS, list(SIZES.values())))) == pytest.approx(3.5)


def test_halves_of_tail_and_others_leave_unknown_classes_out():
    counts, targets = torch.tensor([9.0, 1.0]), one_hots(torch.tensor([[0], [0], [1], [-1]]), [2])
    found = TailFocalSpec(mean="halves", fraction=0.5).sample_weights(targets, counts)
    assert found[:3].tolist() == [1.5, 1.5, 3.0]
    assert torch.isfinite(found).all()


def model(head=None):
    torch.manual_seed(0)
    spec = ModelSpec(backbone="test_convnext", weights="none", head=head or LinearHeadSpec())
    return build_classifier(spec, SIZES, 32, HALF, HALF)


def table(count=16) -> Table:
    shapes = [("a", "b", "c", None)[i % 4] for i in range(count)]
    colours = [("d", "e", "d")[i % 3] for i in range(count)]
    frame = pl.DataFrame(
        {
            "id": [f"{i:03}" for i in range(count)],
            "images": [[]] * count,
            "label.shape": shapes,
            "label.colour": colours,
        },
        schema_overrides={"images": pl.List(pl.String())},
    )
    tasks = Task("label.shape", LabelSpace(("a", "b", "c"))), Task("label.colour", LabelSpace(("d", "e")))
    return make_table(frame, tasks, "made up")


def test_a_head_a_task_side_by_side():
    m = model()
    names = [name for name, _ in m.named_parameters() if name.startswith("head.")]
    assert names == ["head.shape.1.weight", "head.shape.1.bias", "head.colour.1.weight", "head.colour.1.bias"]
    features, z = m.eval()(torch.zeros(2, 3, 32, 32))
    heads = dict(m.head.named_children())
    assert torch.equal(z, torch.cat([heads["shape"](features), heads["colour"](features)], dim=1))


def test_columns_may_be_named_as_parts_of_torch_are():
    m = build_classifier(
        ModelSpec(backbone="test_convnext", weights="none"), {"type": 2, "a b.c": 2, "名": 2}, 32, HALF, HALF
    )
    assert {name.split(".")[1] for name, _ in m.named_parameters() if name.startswith("head.")} == {
        "type_",
        "a_b_c",
        "名",
    }


def test_cosine_heads_begin_from_the_rows_of_each_linear_head():
    m = model()
    p = make_plan(
        [Keyframe.model_validate({"at": parse("1ep"), "head": {"kind": "cosine", "start": "old_rows"}})],
        ConstantSpec(), base_lr=1e-9, epochs=2, samples=32, image_size=32, head=LinearHeadSpec(),
    )  # fmt: skip
    rows = [one[1].weight.detach().clone() for one in m.head.children()]
    learner = Learner(job_of(m, p, train=table()))
    learner.apply(p.at(p.clock.starts[1]))
    for head, old in zip(m.head.children(), rows, strict=True):
        assert torch.allclose(head.weight, F.normalize(old, dim=1))


def test_one_step_with_learnt_weights_moves_them_by_their_gradient():
    m, p = model(), plan()
    m.learn_uncertainty()
    spec = TrainSpec(
        optimizer=SgdSpec(lr=0.1, momentum=0, weight_decay=0.5), clip_norm=None, task_weights="uncertainty"
    )
    learner = Learner(job_of(m, p, spec, train=table()))
    images = torch.randint(0, 256, (6, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        z = m.train().logits(images)
    learner.apply(p.at(0))
    learner.step(Batch(images, TARGETS, tuple(range(6))), p.at(0), 6)
    wanted = [0.1 * (float(loss) - 0.5) for loss in torch_losses(z)]
    assert m.uncertainty.tolist() == pytest.approx(wanted, rel=1e-4)


def test_unknown_rows_are_drawn_as_often_as_without_a_sampler():
    targets = np.array([0] * 60 + [1] * 20 + [-1] * 40)
    drawn = np.concatenate([epoch_order(targets, 1.0, 0, epoch) for epoch in range(50)])
    shares = [np.isin(drawn, np.flatnonzero(targets == one)).mean() for one in (0, 1, -1)]
    assert shares == pytest.approx([1 / 3, 1 / 3, 1 / 3], abs=0.01)


def test_history_has_the_tasks_columns_in_every_epoch():
    from sfumato.training.listeners import columns

    spaces = {name: LabelSpace(("a", "b")) for name in ("shape", "colour")}
    found = columns(TaskLayout(spaces))
    assert {"val_accuracy", "val_accuracy.shape", "ema_macro_f1.colour"} <= set(found)
    alone = {"": LabelSpace(("a", "b"))}
    assert not any("." in name for name in columns(TaskLayout(alone)))
    assert {"val_map", "val_micro_f1", "val_tail"} <= set(columns(TaskLayout(alone, multilabel=True)))
    row = EpochDone(0, 1, 0.1, 32, 9, 1.0, 0.5, {"raw": dict.fromkeys(["loss", "loss.shape"], 1.0)}, None, 1.0, 1.0)
    assert row.cells()["val_loss.shape"] == 1.0


REFUSED = {
    "train.task_weights": [
        ({"train.task_weights": {"form": 2.0}}, "no task 'form'; expected one of shape, colour"),
        ({"train.task_weights": {"colours": 2.0}}, "no task 'colours'; expected one of shape, colour; did you mean 'colour'?"),
        ({"data.columns.label": "shape", "train.task_weights": "uncertainty"}, "has no effect: there is one label column"),
    ],
    "train.sampler_task": [
        ({"train.sampler_task": "shapes", "timeline[0].sampler_power": 1}, "no task 'shapes'"),
        ({"train.sampler_task": "colour"}, "has no effect: nothing is balanced; set the timeline's sampler_power"),
        ({"data.columns.label": "shape", "train.sampler_task": "shape"}, "has no effect: there is one label column"),
    ],
    "timeline[0].centre_loss": [
        ({"timeline[0].centre_loss": {}}, "draws an image to the centre of one class, and with 2 tasks it is of 2"),
    ],
    "timeline[0].class_weights": [
        (
            {"timeline[0].class_weights": {"kind": "given", "weights": {"a": 1.0}}},
            "weights by class name, and the classes of 2 tasks may share names; choose inverse_frequency",
        ),
    ],
    "timeline[0].learn": [
        ({"timeline[0].learn": {"head.form.*": 1, "*": "frozen"}}, "pattern 'head.form.*' matches no parameter"),
        ({"timeline[0].learn": {"head.*": 1, "backbone.*": 1}, "train.task_weights": "uncertainty"}, "no pattern covers uncertainty"),
    ],
}  # fmt: skip


@pytest.fixture
def recipe(tmp_path) -> dict:
    lines = [f"{i}.png,{('disc', 'stripes')[i % 2]},{('red', 'blue', 'red')[i % 3]}" for i in range(30)]
    (tmp_path / "t.csv").write_text("image,shape,colour\n" + "\n".join(lines))
    return {
        "data": {"source": str(tmp_path / "t.csv"), "columns": {"label": ["shape", "colour"]}},
        "model": {"backbone": "test_convnext", "weights": "none"},
        "timeline": [{"at": "0ep", "image_size": 32, "batch_size": 4}],
    }


@pytest.mark.parametrize(
    ("setting", "overrides", "message"), [(s, *case) for s, cases in REFUSED.items() for case in cases]
)
def test_what_has_no_meaning_for_the_tasks_is_refused(recipe, setting, overrides, message):
    loaded = load_recipe(recipe, overrides)
    with pytest.raises(InputError) as caught:
        preview(loaded.recipe)
    assert str(caught.value).startswith(f"{setting}: {message}")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("uncertain", "found \"uncertain\"; expected uncertainty; did you mean 'uncertainty'?"),
        ({"shape": 0}, "train.task_weights.shape: found 0; expected more than 0"),
        (3, "found 3; expected a mapping"),
    ],
)
def test_weights_of_another_kind_are_refused(recipe, value, message):
    with pytest.raises(InputError, match="train.task_weights") as caught:
        load_recipe(recipe, {"train.task_weights": value})
    assert message in str(caught.value)


def test_columns_that_differ_in_punctuation_alone_are_refused(tmp_path, recipe):
    Path(recipe["data"]["source"]).write_text(
        "image,a.b,a_b\n" + "\n".join(f"{i}.png,x{i % 2},y{i % 2}" for i in range(20))
    )
    with pytest.raises(InputError, match=r"data\.columns\.label: label columns 'a\.b' and 'a_b' would share"):
        preview(load_recipe(recipe, {"data.columns.label": ["a.b", "a_b"]}).recipe)


def test_the_sampler_balances_the_first_column_and_says_so(recipe):
    found = preview(load_recipe(recipe, {"timeline[0].sampler_power": 0.5}).recipe)
    assert "train.sampler_task: 'shape', the first of data.columns.label" in found.notes


def test_a_single_task_of_several_columns_is_as_one_column():
    only = table().only("shape")
    assert len(only) == 12
    assert only.labels.names == ("a", "b", "c")
    assert only.class_counts.tolist() == table().counts["shape"].tolist() == [4, 4, 4]
    assert only.layout.outputs == 3
    assert table().answers[:4].tolist() == [[0, 0], [1, 1], [2, 0], [-1, 0]]


def test_cosine_heads_may_begin_from_class_means_of_each_task():
    assert CosineHeadSpec(start="class_means").start == "class_means"
    m = model(CosineHeadSpec())
    from sfumato.models.heads import take_class_vectors

    vectors = torch.randn(5, m.width)
    take_class_vectors(m.head, vectors)
    assert torch.allclose(torch.cat([one.weight for one in m.head.children()]), F.normalize(vectors, dim=1))
