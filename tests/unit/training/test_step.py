"""What one optimiser step does, against the plain steps of torch."""

import copy

import pytest
import torch
from tests.jobs import job_of

from sfumato.data.loading import Batch
from sfumato.data.randomness import torch_seed
from sfumato.models.classifier import Classifier, ModelSpec, build_classifier
from sfumato.models.heads import LinearHeadSpec
from sfumato.training.duration import parse
from sfumato.training.job import TrainSpec
from sfumato.training.keyframe import Keyframe
from sfumato.training.optimizer import AdamWSpec, SgdSpec, build_optimizer, optimizer_tensors, restore_optimizer
from sfumato.training.plan import Plan, make_plan
from sfumato.training.schedules import ConstantSpec
from sfumato.training.step import Learner

HALF = (0.5, 0.5, 0.5)


def plan(*keyframes, lr=0.1) -> Plan:
    made = [Keyframe.model_validate({"at": parse(k.pop("at")), **k}) for k in map(dict, keyframes)]
    return make_plan(made, ConstantSpec(), base_lr=lr, epochs=4, samples=32, image_size=32, head=LinearHeadSpec())


def model(name="test_convnext") -> Classifier:
    """Without batch norm, so that pieces of a batch add up to the batch."""
    torch.manual_seed(0)
    return build_classifier(ModelSpec(backbone=name, weights="none"), 3, 32, HALF, HALF)


def batch(count=8) -> Batch:
    generator = torch.Generator().manual_seed(3)
    images = torch.randint(0, 256, (count, 3, 32, 32), dtype=torch.uint8, generator=generator)
    return Batch(images, (torch.arange(count) % 3)[:, None], tuple(range(count)))


def teach(m, p, spec=None, pieces=1, clip_norm=None) -> Learner:
    optimizer = spec or SgdSpec(lr=0.1, momentum=0, weight_decay=0)
    return Learner(job_of(m, p, TrainSpec(optimizer=optimizer, accumulate=pieces, clip_norm=clip_norm)))


def take(taught: Learner, p: Plan, steps=1, count=8) -> None:
    for step in range(steps):
        taught.apply(p.at(step))
        taught.step(batch(count), p.at(step), count)


def weights(m) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in m.parameters()])


def test_one_step_is_the_step_of_torch():
    m, p = model(), plan()
    twin = copy.deepcopy(m)
    take(teach(m, p), p)
    b = batch()
    torch.nn.functional.cross_entropy(twin.logits(b.images), b.targets[:, 0]).backward()
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.sub_(0.1 * parameter.grad)
    assert torch.allclose(weights(m), weights(twin), atol=1e-6)


@pytest.mark.parametrize("pieces", [2, 3, 4])
def test_pieces_of_a_batch_give_the_step_of_the_batch(pieces):
    whole, split = model(), model()
    p = plan()
    take(teach(whole, p), p, steps=3)
    take(teach(split, p, pieces=pieces), p, steps=3)
    assert torch.allclose(weights(whole), weights(split), atol=1e-6)


def test_gradients_are_clipped_to_the_norm():
    m, p = model(), plan()
    before = weights(m)
    take(teach(m, p, clip_norm=0.01), p)
    assert float((weights(m) - before).norm()) == pytest.approx(0.1 * 0.01, rel=1e-3)


def test_rates_follow_scale_and_pattern():
    m = model()
    p = plan(
        {"at": "0ep", "learn": {"head.*": 5.0, "backbone.stem.*": "frozen", "*": 1.0}},
        {"at": "1ep", "lr_scale": 0.5},
        lr=0.2,
    )
    taught = teach(m, p)
    for step, factor in ((0, 1.0), (1, 0.5)):
        taught.apply(p.at(step))
        rates = {name: group["lr"] for group in taught.optimizer.param_groups for name in group["names"]}
        assert rates["head.1.weight"] == pytest.approx(0.2 * factor * 5)
        assert rates["backbone.stages.0.blocks.0.gamma"] == pytest.approx(0.2 * factor)
        assert not any(name.startswith("backbone.stem.") for name in rates)


def test_norms_and_biases_do_not_decay():
    m = model()
    optimizer = build_optimizer(AdamWSpec(weight_decay=0.3), m, plan(), fused=True)
    decay = {name: group["weight_decay"] for group in optimizer.param_groups for name in group["names"]}
    assert set(decay) == {name for name, _ in m.named_parameters()}
    assert all((value == 0.3) == (m.get_parameter(name).ndim > 1) for name, value in decay.items())


def test_position_tables_and_tokens_do_not_decay():
    m = model("test_vit")
    optimizer = build_optimizer(AdamWSpec(weight_decay=0.3), m, plan(), fused=True)
    decay = {name: group["weight_decay"] for group in optimizer.param_groups for name in group["names"]}
    assert decay["backbone.pos_embed"] == decay["backbone.cls_token"] == 0
    assert decay["backbone.blocks.0.mlp.fc1.weight"] == 0.3


def test_dropout_is_seeded_after_mixing(monkeypatch):
    seeds, seed = [], torch.manual_seed
    monkeypatch.setattr(torch, "manual_seed", lambda number: seeds.append(number) or seed(number))
    m, p = model(), plan({"at": "0ep", "mixup_alpha": 1.0})
    taught = teach(m, p)
    seeds.clear()
    take(taught, p)
    assert seeds == [torch_seed(0, "mix", 0), torch_seed(0, "step", 0, 0)]


def test_weights_that_are_no_numbers_are_found():
    m, p = model(), plan()
    taught = teach(m, p)
    assert taught.weights_are_finite()
    for bad in (float("inf"), float("nan")):
        with torch.no_grad():
            m.backbone.stem[0].weight[0, 0, 0, 0] = bad
        assert not taught.weights_are_finite()


def test_frozen_weights_do_not_decay_either():
    m, p = model(), plan({"at": "0ep", "learn": {"head.*": 1.0, "*": "frozen"}}, {"at": "3ep", "learn": {"*": 1.0}})
    before = {name: tensor.clone() for name, tensor in m.backbone.state_dict().items()}
    take(teach(m, p, AdamWSpec(weight_decay=0.5)), p, steps=3)
    assert all(torch.equal(before[name], tensor) for name, tensor in m.backbone.state_dict().items())


@pytest.mark.parametrize("spec", [AdamWSpec(), SgdSpec(lr=0.01)])
@pytest.mark.parametrize("name", ["test_convnext", "test_efficientnet"])
def test_the_optimizer_goes_on_from_its_tensors(spec, name):
    p = plan()
    one, two = model(name), model(name)
    first, second = teach(one, p, spec), teach(two, p, spec)
    take(first, p, steps=2)
    two.load_state_dict(one.state_dict())
    saved = {key: value.detach().contiguous().clone() for key, value in optimizer_tensors(first.optimizer).items()}
    restore_optimizer(second.optimizer, saved)
    for taught in (first, second):
        taught.apply(p.at(2))
        taught.step(batch(), p.at(2), 8)
    assert torch.equal(weights(one), weights(two))


def test_equal_seeds_repeat_dropout():
    results = []
    for _ in range(2):
        torch.manual_seed(0)
        spec = ModelSpec.model_validate({"backbone": "test_convnext", "weights": "none", "drop_path": 0.5})
        m, p = build_classifier(spec, 3, 32, HALF, HALF), plan()
        taught = teach(m, p)
        torch.manual_seed(torch.seed())  # whatever was drawn before must not matter
        take(taught, p, steps=2)
        results.append(weights(m))
    assert torch.equal(results[0], results[1])


def test_the_average_begins_and_ends_with_its_track():
    m, p = model(), plan({"at": "1ep", "ema_decay": 0.9}, {"at": "2ep", "ema_decay": 0.0})
    taught = teach(m, p)
    seen = []
    for step in range(4):
        taught.apply(p.at(step))
        taught.step(batch(), p.at(step), 8)
        seen.append(taught.average is not None)
    assert seen == [False, True, False, False]


def test_outcome_counts_mixed_images_by_share():
    m, p = model(), plan({"at": "0ep", "mixup_alpha": 1.0})
    taught = teach(m, p)
    taught.apply(p.at(0))
    outcome = taught.step(batch(), p.at(0), 8)
    assert 0 <= float(outcome.hit_sum) <= 8
    assert float(outcome.loss_sum) == pytest.approx(8 * 1.0986, rel=0.2)
