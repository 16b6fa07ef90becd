"""What a training takes, in closed form: a clock that only work moves, and costs made up."""

import pytest
import torch
from tests.jobs import HALF, job_of, table_of

from sfumato.errors import RunError
from sfumato.models.classifier import ModelSpec, build_classifier
from sfumato.models.heads import CosineHeadSpec, LinearHeadSpec
from sfumato.report.cost import cost_json, cost_lines, duration
from sfumato.training.averaging import SwaSpec
from sfumato.training.dry_batch import DryRun, StageCost, Timed, timed
from sfumato.training.duration import parse
from sfumato.training.estimate import Amounts, Measured, estimate, looked_at
from sfumato.training.keyframe import Keyframe, Ramp
from sfumato.training.plan import make_plan
from sfumato.training.reading_time import ReadingTime
from sfumato.training.schedules import ConstantSpec
from sfumato.training.stages import stages


def plan_of(*keyframes, epochs=4, samples=320):
    made = [Keyframe.model_validate({"at": parse(k.pop("at")), **k}) for k in map(dict, keyframes)]
    return make_plan(
        made, ConstantSpec(), base_lr=0.1, epochs=epochs, samples=samples, image_size=32, head=LinearHeadSpec()
    )


class Work:
    """Takes a second before it begins, and a tenth of one an image."""

    def __init__(self):
        self.now, self.sizes = 0.0, []

    def __call__(self, images):
        self.now += 1 + 0.1 * images
        self.sizes.append(images)


@pytest.mark.parametrize(
    ("images", "allowed", "expected"),
    [
        (32, 1000.0, Timed(4.2, 32)),  # all of them: 1 + 3.2
        (32, 0.0, Timed(1.4 * 8, 4)),  # no time at all: four of them, scaled
        (32, 8.4, Timed(1.8 * 4, 8)),  # a third of it for a step of so many, at what few of them took
        (2, 1000.0, Timed(1.2, 2)),
    ],
)
def test_work_is_timed_with_as_many_images_as_there_is_time_for(images, allowed, expected):
    work = Work()
    found = timed(work, images, allowed, lambda: work.now)
    assert (found.seconds, found.measured) == (pytest.approx(expected.seconds), expected.measured)


def test_stages_hold_every_step_once():
    head = CosineHeadSpec()
    plan = plan_of(
        {"at": "0ep", "learn": {"head.*": 1.0, "*": "frozen"}},
        {"at": "1ep", "learn": {"*": 1.0}, "mixup_alpha": 0.2},
        {"at": "2ep", "batch_size": 64, "mixup_alpha": 0.1},
        {"at": "3ep", "batch_size": 32, "head": head},
    )
    found = stages(plan)
    assert [(s.begin, s.steps, s.images) for s in found] == [(0, 10, 32), (1, 10, 32), (2, 5, 64), (3, 10, 32)]
    assert found[3].settings.head == head
    assert found[2].name == "from epoch 2, 32 px, 64 images a step"


def test_a_ramp_of_the_image_size_has_a_stage_for_each_size():
    plan = plan_of({"at": "0ep", "image_size": Ramp(to=128, over=parse("4ep"))}, samples=3200)
    found = stages(plan)
    assert [s.settings.image_size for s in found] == [32, 64, 96, 128]
    assert sum(s.steps for s in found) == plan.steps


def made_up(plan, seconds, reading):
    costs = tuple(StageCost(s, Timed(t, s.images), m) for s, t, m in zip(stages(plan), *seconds, strict=True))
    return Measured(costs, Timed(0.64, 64), 64, reading)


def test_an_estimate_in_closed_form():
    plan = plan_of({"at": "2ep", "image_size": 64})
    reading = ReadingTime(decode=0.02, prepare={(32, 1.0): 0.001, (64, 1.0): 0.002, (64, 0.0): 0.003}, bytes=1000.0)
    measured = made_up(plan, ((0.1, 0.4), (10**9, 3 * 10**9)), reading)
    amounts = Amounts(pictures=400, looked_at=100, look=(64, 0.0), keep=100_000.0, workers=0)
    found = estimate(measured, amounts, "cpu", "fp32")
    assert found.learning == pytest.approx(20 * 0.1 + 20 * 0.4)
    assert found.validating == pytest.approx(1.0)
    decode = 0.02 * 0.75  # a quarter of the pictures is kept decoded
    assert found.reading == pytest.approx(640 * (0.001 + decode) + 640 * (0.002 + decode) + 100 * (0.003 + decode))
    assert found.seconds == pytest.approx(found.learning + found.validating + found.reading)
    assert found.memory == 3 * 10**9 + 100_000


def test_workers_are_waited_for_only_where_they_are_slower():
    plan = plan_of({"at": "2ep", "image_size": 64})
    reading = ReadingTime(decode=0.0, prepare={(32, 1.0): 0.01, (64, 1.0): 0.01, (64, 0.0): 0.0}, bytes=1.0)
    amounts = Amounts(pictures=400, looked_at=100, look=(64, 0.0), keep=0.0, workers=2)
    found = estimate(made_up(plan, ((0.1, 0.4), (None, None)), reading), amounts, "cuda", "bf16")
    assert found.reading == pytest.approx(20 * (0.16 - 0.1))
    assert found.memory is None


def test_without_pictures_reading_is_not_counted_and_that_is_said():
    plan = plan_of()
    amounts = Amounts(pictures=400, looked_at=0, look=(32, 0.0), keep=0.0, workers=0)
    found = estimate(made_up(plan, ((30.0,), (10**9,)), None), amounts, "cpu", "fp32")
    assert cost_lines(found) == [
        "cost: about 20 min on cpu (fp32), of which 0 s validating; peak memory of the process about 1.0 GB",
        "      an estimate from dry batches; reading pictures not counted, for there are none yet",
    ]
    (phase,) = cost_json(found)["phases"]
    assert (phase["steps"], phase["seconds_per_step"], phase["images_per_second"]) == (40, 30.0, 32 / 30)


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.21, "3.2 s"), (89, "89 s"), (840, "14 min"), (7300, "2 h 2 min"), (0.0, "0 s")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_what_is_looked_at_without_learning():
    plan = plan_of({"at": "1ep", "ema_decay": 0.9}, {"at": "2ep", "swa": SwaSpec(lr=0.1)})
    assert looked_at(plan, 320, 10, refreshes=False) == 10 * (1 + 2 + 3 + 3)
    assert looked_at(plan, 320, 10, refreshes=True) == 10 * (1 + 2 + 3 + 3) + 2 * 320


@pytest.fixture
def job():
    model = build_classifier(ModelSpec(backbone="test_efficientnet", weights="none"), 3, 32, HALF, HALF)
    plan = plan_of(
        {"at": "0ep", "learn": {"head.*": 1.0, "*": "frozen"}, "ema_decay": 0.9},
        {"at": "2ep", "learn": {"*": 1.0}, "head": CosineHeadSpec(start="class_means")},
        samples=8,
    )
    return job_of(model, plan, train=table_of([3, 3, 2]))


def test_a_dry_run_leaves_the_model_alone(job):
    before = {name: tensor.clone() for name, tensor in job.model.state_dict().items()}
    dry = DryRun(job)
    costs = [dry.stage(stage, 0.1) for stage in stages(job.plan)]
    assert all(cost.step.seconds > 0 and cost.memory != 0 for cost in costs)
    assert dry.forward(32, 4, 0.1).seconds > 0
    after = job.model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    assert job.model.head_spec == LinearHeadSpec()


def test_too_little_memory_is_told_with_the_stage(job, monkeypatch):
    def fail(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("sfumato.training.step.Learner.step", fail)
    with pytest.raises(RunError, match=r"out of memory on cpu from epoch 0, 32 px, 8 images a step; lower batch_size"):
        DryRun(job).stage(stages(job.plan)[0], 0.1)
