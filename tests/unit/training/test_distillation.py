"""A teacher's part of the loss of a batch, within a step, and what is refused beside it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.jobs import job_of, table_of, tiny_model
from tests.plans import plan
from torch.nn import functional as F

from sfumato.data.augment import AugmentSpec
from sfumato.data.loading import Batch
from sfumato.data.mixing import Mixing, one_hot
from sfumato.errors import InputError
from sfumato.losses.class_weights import InverseFrequencySpec
from sfumato.losses.distilled import distilled_terms, softened
from sfumato.training.criterion import Criterion
from sfumato.training.distillation import DistillSpec, Teaching
from sfumato.training.idle_teacher import refuse_idle_teacher
from sfumato.training.job import TrainSpec
from sfumato.training.step import Learner
from sfumato.training.task_loss import TaskLoss

GENERATOR = torch.Generator().manual_seed(0)
LOGITS = 2 * torch.randn(12, 3, generator=GENERATOR)
TEACHER = 2 * torch.randn(12, 3, generator=GENERATOR)
FEATURES = torch.randn(12, 4, generator=GENERATOR)
CLASSES = torch.arange(12) % 3
COUNTS = np.array([50, 20, 5])


def settings(**changes):
    return replace(plan().at(0), **changes)


def spec(**changes) -> DistillSpec:
    return DistillSpec.model_validate({"teacher": "somewhere", **changes})


def loss(of, distill, *, classes=CLASSES, pieces=1, hint=None, hints=None):
    """(loss, gradient by the logits) of a batch in pieces."""
    logits = LOGITS.clone().requires_grad_()
    made = Criterion([TaskLoss(COUNTS, "abc", torch.device("cpu"))], [1.0], None, lambda figure: figure, distill, hint)
    taught = made.soften(TEACHER) if distill else None
    wanted = made.want(classes[:, None], one_hot(classes, 3), of, 12.0, taught, hints).pieces(pieces)
    total = 0.0
    for features, piece, sought in zip(FEATURES.tensor_split(pieces), logits.tensor_split(pieces), wanted, strict=True):
        value = made(features, piece, sought, of)
        value.backward()
        total += float(value.detach())
    return total, logits.grad


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("pieces", [1, 3])
def test_is_a_share_of_labels_and_a_share_of_the_teacher(weight, pieces):
    value, _ = loss(settings(), spec(weight=weight, temperature=3.0), pieces=pieces)
    soft = float(distilled_terms(LOGITS, softened(TEACHER, 3.0), 3.0).sum()) / 12
    assert value == pytest.approx((1 - weight) * float(F.cross_entropy(LOGITS, CLASSES)) + weight * soft, rel=1e-5)


def test_a_teacher_of_no_weight_changes_no_bit():
    for of in (settings(), settings(class_weights=InverseFrequencySpec(), label_smoothing=0.1)):
        alone, with_teacher = loss(of, None), loss(of, spec(weight=0.0))
        assert alone[0] == with_teacher[0]
        assert torch.equal(alone[1], with_teacher[1])


def test_a_teacher_of_all_weight_hears_no_label():
    first, second = (loss(settings(), spec(weight=1.0), classes=labels) for labels in (CLASSES, CLASSES.roll(1)))
    assert first[0] == second[0]
    assert torch.equal(first[1], second[1])


def test_smoothing_and_class_weights_are_of_the_labels_alone():
    smooth = settings(class_weights=InverseFrequencySpec(), label_smoothing=0.2)
    hard, _ = loss(smooth, None)
    soft, _ = loss(settings(), spec(weight=1.0))
    assert loss(smooth, spec(weight=0.4))[0] == pytest.approx(0.6 * hard + 0.4 * soft, rel=1e-5)


def test_a_teacher_speaks_of_a_picture_without_label_too():
    unknown = torch.full((12,), -1)
    assert loss(settings(), spec(weight=0.5), classes=unknown)[0] == pytest.approx(
        0.5 * loss(settings(), spec(weight=1.0))[0], rel=1e-5
    )


def test_each_task_is_taught_by_its_own_columns():
    tasks = [TaskLoss(COUNTS[:2], "ab", torch.device("cpu")), TaskLoss(COUNTS, "abc", torch.device("cpu"))]
    made = Criterion(tasks, [1.0, 0.5], None, lambda figure: figure, spec(weight=1.0))
    z, v = torch.randn(6, 5, generator=GENERATOR), torch.randn(6, 5, generator=GENERATOR)
    wanted = made.want(torch.zeros(6, 2, dtype=torch.int64), torch.full((6, 5), 0.2), settings(), 6.0, made.soften(v))
    parts = [
        distilled_terms(a, softened(b, 2.0), 2.0).sum() / 6 for a, b in ((z[:, :2], v[:, :2]), (z[:, 2:], v[:, 2:]))
    ]
    assert float(made(FEATURES[:6], z, wanted, settings())) == pytest.approx(float(parts[0] + 0.5 * parts[1]), rel=1e-5)


@pytest.mark.parametrize("pieces", [1, 4])
def test_a_hint_is_added_and_its_projection_learns(pieces):
    torch.manual_seed(0)
    hint = torch.nn.Linear(4, 5, bias=False)
    taught = F.normalize(torch.randn(12, 5, generator=GENERATOR), dim=1)
    value, _ = loss(settings(), spec(weight=0.0, features=0.7), pieces=pieces, hint=hint, hints=taught)
    alone, _ = loss(settings(), None)
    apart = (hint(FEATURES) - taught).square().sum() / 2 / 12
    assert value == pytest.approx(alone + 0.7 * float(apart.detach()), rel=1e-5)
    assert hint.weight.grad.abs().max() > 0


def batch(views=()) -> Batch:
    images = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    return Batch(images, (torch.arange(8) % 3)[:, None], tuple(range(8)), views)


def learner(teaching, distill, p):
    job = job_of(tiny_model(), p, TrainSpec(distill=distill), train=table_of([3, 3, 2]))
    return Learner(replace(job, teaching=teaching))


def test_answers_are_those_of_the_view_a_picture_was_shown_in():
    logits = np.arange(3 * 8 * 3, dtype=np.float32).reshape(3, 8, 3)
    several, _ = Teaching(logits).answers(batch((0, 1, 2, 2, 1, 0, 0, 1)))
    assert several[:, 0].tolist() == [logits[view, row, 0] for row, view in enumerate([0, 1, 2, 2, 1, 0, 0, 1])]
    once, features = Teaching(logits[:1], np.ones((1, 8, 2), np.float32)).answers(batch(tuple(range(20, 28))))
    assert once.tolist() == logits[0].tolist()
    assert features.shape == (8, 2)


def test_answers_are_mixed_as_pictures_and_labels_are():
    p, teaching = plan(), Teaching(10 * np.eye(8, 3, dtype=np.float32)[None])
    taught = learner(teaching, spec(), p)
    mixing = replace(p.at(0), mixing=Mixing(mixup_alpha=1.0))
    images, soft, answers, _ = taught._mixed(batch(), mixing)
    alone, labels, none, _ = learner(None, None, p)._mixed(batch(), mixing)
    assert none is None
    assert torch.equal(images, alone)
    assert torch.equal(soft, labels)
    share = float(soft[0, 0])  # the first picture is of class 0, its neighbour of class 1
    own = softened(torch.from_numpy(teaching.logits[0]), 2.0)
    assert 0 < share < 1
    assert torch.allclose(answers, share * own + (1 - share) * own.roll(1, 0), atol=1e-6)


def test_steps_with_a_teacher_of_no_weight_end_with_the_same_weights():
    p, ends = plan(), []
    for distill in (None, spec(weight=0.0)):
        taught = learner(Teaching(np.ones((1, 8, 3), np.float32)) if distill else None, distill, p)
        for step in range(3):
            taught.apply(p.at(step))
            taught.step(batch(), p.at(step), 8)
        ends.append(torch.cat([tensor.flatten().float() for tensor in taught.model.state_dict().values()]))
    assert torch.equal(*ends)


IDLE = [
    ({"weight": 0}, {}, {}, "train.distill.weight: has no effect: the teacher would teach nothing"),
    ({"weight": 0, "features": 1, "temperature": 4}, {}, {}, "train.distill.temperature: has no effect"),
    (
        {"weight": 1},
        {"label_smoothing": 0.1},
        {},
        "timeline[0].label_smoothing: has no effect: train.distill.weight is 1",
    ),
    ({"weight": 1}, {"loss": {"kind": "focal"}}, {}, "timeline[0].loss: has no effect"),
    ({"weight": 1}, {"class_weights": {"kind": "effective_number"}}, {}, "timeline[0].class_weights: has no effect"),
    ({"sees": "views"}, {}, {}, "train.distill.sees: each draw is augmented anew"),
    ({"sees": "views"}, {"augment": 0}, {"views": 2}, "train.distill.sees: has no effect: nothing is augmented"),
    ({"sees": "views"}, {"augment": {"to": 0.5, "over": "1ep"}}, {"views": 2}, "the timeline's augment changes"),
    ({"features": 1}, {"mixup_alpha": 0.2}, {}, "train.distill.features: the teacher was shown no mixed picture"),
    ({"features": 1}, {"learn": {"head.*": 1, "*": "frozen"}}, {}, "nothing of the backbone ever learns"),
]


@pytest.mark.parametrize(("distill", "keyframe", "augment", "said"), IDLE)
def test_what_would_do_nothing_is_refused(distill, keyframe, augment, said):
    p = plan({"at": "0ep", **keyframe}) if keyframe else plan()
    with pytest.raises(InputError) as caught:
        refuse_idle_teacher(spec(**distill), p, AugmentSpec(**augment), tiny_model())
    assert said in str(caught.value)


def test_what_does_something_is_not():
    refuse_idle_teacher(spec(sees="views", features=1.0), plan(), AugmentSpec(views=2), tiny_model())
    refuse_idle_teacher(spec(weight=1.0), plan(), AugmentSpec(), tiny_model())
