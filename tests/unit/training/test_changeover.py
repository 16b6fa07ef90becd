"""A head that takes another's place: what it begins from, and what optimiser and averages make of it."""

import pytest
import torch
from tests.jobs import colours_of, job_of, table_of, tiny_model
from tests.plans import plan
from torch.nn import functional as F

from sfumato.data.loading import Batch
from sfumato.errors import InputError
from sfumato.models.heads import CosineHeadSpec, LinearHeadSpec
from sfumato.training.batches import check_batches
from sfumato.training.changeover import begin_head, change_head, make_centres
from sfumato.training.class_means import class_means
from sfumato.training.device import _bf16_ratio
from sfumato.training.inference import predict_tasks
from sfumato.training.job import TrainSpec
from sfumato.training.loop import fit
from sfumato.training.optimizer import AdamWSpec, SgdSpec, optimizer_tensors
from sfumato.training.parameters import check_learning
from sfumato.training.records import StepDone
from sfumato.training.step import Learner

COSINE = {"kind": "cosine", "start": "old_rows"}
MEANS = CosineHeadSpec(start="class_means")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return colours_of([24, 24, 24], tmp_path_factory.mktemp("colours"))


@pytest.fixture(scope="module")
def trained(table, tmp_path_factory):
    """Weights after a few epochs under a linear head, which tell most pictures apart."""
    model, p = tiny_model(), plan({"at": "0ep", "batch_size": 8}, epochs=4, samples=72, lr=0.02)
    fit(job_of(model, p, TrainSpec(), train=table, folder=tmp_path_factory.mktemp("trained")), [])
    return model.state_dict()


@pytest.fixture
def job(table, trained):
    model = tiny_model()
    model.load_state_dict(trained)
    return job_of(model, plan(samples=72), train=table)


def features_of(job):
    """(N, D) features and logits of the training pictures."""
    model = job.model.eval()
    pictures = torch.stack([torch.tensor(job.pictures(path)).permute(2, 0, 1) for path in job.train.first_images])
    with torch.no_grad():
        return tuple(part.detach() for part in model(pictures))


def accuracy(job):
    """Share of the training pictures that are named rightly."""
    job.model.eval()
    said = predict_tasks(job.model, job.train, job.preprocess, job.machine, 0, pictures=job.pictures)[""]
    return float((said.logits.argmax(axis=1) == said.truth).mean())


def test_class_means_are_means_of_the_features(job):
    features, _ = features_of(job)
    for unit in (False, True):
        seen = F.normalize(features, dim=1) if unit else features
        expected = torch.stack([seen[torch.from_numpy(job.train.targets) == c].mean(dim=0) for c in range(3)])
        assert torch.allclose(class_means(job, 32, unit=unit), expected, rtol=1e-4, atol=1e-5)


def test_from_class_means_it_is_as_good_as_the_nearest_mean(job):
    features, _ = features_of(job)
    targets = torch.from_numpy(job.train.targets)
    unit = F.normalize(features, dim=1)
    means = torch.stack([unit[targets == c].mean(dim=0) for c in range(3)])
    nearest = (unit @ F.normalize(means, dim=1).T).argmax(dim=1)
    by_distance = torch.cdist(features, torch.stack([features[targets == c].mean(dim=0) for c in range(3)])).argmin(1)
    change_head(job, plan({"at": "0ep", "head": MEANS.model_dump()}).at(0))
    _, logits = features_of(job)
    assert torch.equal(logits.argmax(dim=1), nearest)
    assert accuracy(job) == pytest.approx(float((nearest == targets).float().mean()))
    assert accuracy(job) >= float((by_distance == targets).float().mean()) - 0.05
    assert accuracy(job) > 0.6


def test_the_first_head_of_a_training_may_begin_from_class_means(table):
    model = tiny_model(head=MEANS)
    job = job_of(model, plan(samples=72, head=MEANS), train=table)
    begin_head(job)
    assert torch.allclose(model.head.weight, F.normalize(class_means(job, 32, unit=True), dim=1), atol=1e-6)


def test_old_rows_keep_their_direction_and_most_answers(job):
    rows, before = job.model.head[1].weight.detach().clone(), accuracy(job)
    change_head(job, plan({"at": "0ep", "head": COSINE}).at(0))
    assert torch.allclose(job.model.head.weight, F.normalize(rows, dim=1), atol=1e-6)
    assert before > 0.9
    assert accuracy(job) >= before - 0.1


def test_a_random_head_is_one_of_seed_and_step(job):
    found = []
    for step in (0, 0, 1):
        torch.manual_seed(step + len(found))
        change_head(job, plan({"at": "0ep", "head": {"kind": "mlp", "hidden": 4}}).at(step))
        found.append(job.model.head[0].weight.detach().clone())
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_centres_begin_at_the_means_of_what_they_compare(job):
    for head, unit in ((LinearHeadSpec(), False), (CosineHeadSpec(), True)):
        centres = make_centres(job, plan(head=head).at(0))
        assert centres.unit == unit
        assert torch.equal(centres.tensor, class_means(job, 32, unit=unit))


def batch(step):
    generator = torch.Generator().manual_seed(step)
    images = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8, generator=generator)
    return Batch(images, (torch.arange(8) % 3)[:, None], tuple(range(8)))


def learner_of(p, optimizer=None):
    return Learner(job_of(tiny_model(), p, TrainSpec(optimizer=optimizer or AdamWSpec()), train=table_of([12, 12, 8])))


def take(learner, p, steps):
    for step in steps:
        learner.apply(p.at(step))
        learner.step(batch(step), p.at(step), 8)


@pytest.mark.parametrize("optimizer", [AdamWSpec(), SgdSpec(lr=0.01)])
def test_the_optimiser_forgets_the_old_head_alone(optimizer):
    p = plan({"at": "0ep", "batch_size": 8, "ema_decay": 0.9}, {"at": "1ep", "head": COSINE}, epochs=2)
    learner = learner_of(p, optimizer)
    take(learner, p, range(4))
    before = {key: value.clone() for key, value in optimizer_tensors(learner.optimizer).items()}
    backbone = {key for key in before if key.startswith("backbone.")}
    averaged = learner.average.tensors["backbone.0.weight"].clone()
    learner.apply(p.at(4))
    groups = [parameter for group in learner.optimizer.param_groups for parameter in group["params"]]
    assert {id(parameter) for parameter in groups} == {id(parameter) for parameter in learner.model.parameters()}
    after = optimizer_tensors(learner.optimizer)
    assert set(after) == backbone
    assert len(backbone) < len(before)
    assert all(torch.equal(after[key], before[key]) for key in backbone)
    assert list(learner.average.tensors) == list(learner.model.state_dict())
    assert torch.equal(learner.average.tensors["head.weight"], learner.model.head.weight)
    assert torch.equal(learner.average.tensors["backbone.0.weight"], averaged)
    weight = learner.model.head.weight.detach().clone()
    take(learner, p, range(4, 6))
    assert not torch.equal(learner.model.head.weight, weight)
    if isinstance(optimizer, AdamWSpec):
        steps = optimizer_tensors(learner.optimizer)
        assert float(steps["head.weight/step"]) == 2
        assert float(steps["backbone.0.weight/step"]) == 6


def test_a_new_head_warms_up_and_the_backbone_does_not():
    p = plan(
        {"at": "0ep", "batch_size": 8, "learn": {"head.*": 3.0, "*": 1.0}},
        {"at": "1ep", "head": COSINE, "head_warmup": "2ep"},
        lr=0.02,
    )
    learner, seen = learner_of(p), []
    for step in range(16):
        take(learner, p, [step])
        rates = {name: group["lr"] for group in learner.optimizer.param_groups for name in group["names"]}
        seen.append((rates["backbone.0.weight"], next(rates[name] for name in rates if name.startswith("head."))))
    closed = [1.0] * 4 + [i / 8 for i in range(8)] + [1.0] * 4
    assert [body for body, _ in seen] == pytest.approx([0.02] * 16)
    assert [head for _, head in seen] == pytest.approx([0.06 * share for share in closed])


def test_a_head_does_not_warm_up_for_the_one_before_it():
    p = plan(
        {"at": "1ep", "head": {"kind": "cosine"}, "head_warmup": "3ep"}, {"at": "2ep", "head": {"kind": "mlp"}}, samples=320
    )  # fmt: skip
    assert [p.at(step).head_lr for step in (9, 10, 15, 19, 20, 25)] == pytest.approx([1, 0, 0.5 / 3, 0.9 / 3, 1, 1])


def test_tables_may_name_what_stands_while_they_hold():
    """A table of the linear head's phase need not cover the cosine head's weights, nor the other way round."""
    p = plan(
        {"at": "0ep", "batch_size": 8, "learn": {"head.1.*": 1.0, "*": "frozen"}},
        {"at": "1ep", "head": COSINE, "learn": {"head.weight": 1.0, "backbone.*": "frozen"}},
        {"at": "2ep", "learn": {"*": 1.0}},
        epochs=3,
    )
    learner = learner_of(p)
    assert learner.optimizer.param_groups[0]["scales"]
    first = learner.model.head[1].weight.detach().clone()
    take(learner, p, range(4))
    assert not torch.equal(learner.model.head[1].weight, first)
    learner.apply(p.at(4))
    second, body = learner.model.head.weight.detach().clone(), learner.model.backbone[0].weight.detach().clone()
    take(learner, p, range(4, 8))
    assert not torch.equal(learner.model.head.weight, second)
    assert torch.equal(learner.model.backbone[0].weight, body)
    take(learner, p, range(8, 12))
    assert not torch.equal(learner.model.backbone[0].weight, body)


def test_a_head_that_no_table_lets_learn_is_refused_before_training():
    """The linear head's layer is named; the head after it, while the same table holds, is not."""
    learn = {"head.1.*": 1.0, "*": "frozen"}
    p = plan({"at": "0ep", "learn": learn}, {"at": "1ep", "head": COSINE}, {"at": "2ep", "learn": {"*": 1.0}})
    with pytest.raises(InputError) as caught:
        check_learning(tiny_model(), p)
    assert str(caught.value) == (
        "timeline[0].learn: nothing learns while the cosine head stands; "
        "expected a pattern for its weights, such as head.*"
    )
    check_learning(
        tiny_model(), plan({"at": "0ep", "learn": {"head.*": 1, "*": "frozen"}}, {"at": "1ep", "head": COSINE})
    )


def test_batches_and_precision_are_tried_with_the_head_of_their_phase():
    p = plan(
        {"at": "0ep", "batch_size": 1, "learn": {"head.1.*": 1.0, "*": "frozen"}},
        {"at": "1ep", "head": COSINE, "learn": {"head.weight": 1.0, "*": "frozen"}},
    )
    model = tiny_model()
    check_batches(model, p, 1)
    assert _bf16_ratio(model, p.at(p.steps - 1)) > 0
    assert model.head_spec == LinearHeadSpec()


def test_the_equal_average_begins_anew_with_the_head(table, tmp_path):
    """Two weights of the old head's time and two of the new one's: the average is that of the latter."""
    p = plan(
        {"at": "0ep", "batch_size": 24, "swa": {"lr": 0.01}},
        {"at": "2ep", "head": {"kind": "cosine", "start": "old_rows"}},
        samples=72,
    )
    job, seen = job_of(tiny_model(), p, TrainSpec(), train=table, folder=tmp_path), []

    def note(record):
        if isinstance(record, StepDone) and record.step % 3 == 2:
            seen.append({name: tensor.clone() for name, tensor in job.model.state_dict().items()})

    note.close = lambda: None
    fit(job, [note])
    assert len(seen) == 4
    for name in ("backbone.0.weight", "head.weight"):
        assert torch.allclose(job.model.state_dict()[name], (seen[2][name] + seen[3][name]) / 2, atol=1e-6)
