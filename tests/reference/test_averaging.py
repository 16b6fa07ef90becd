"""Averages of weights against torch's AveragedModel, SWALR and update_bn, buffers included."""

import math

import pytest
import torch
from tests.jobs import tiny_model
from tests.plans import plan
from torch import nn
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn

from sfumato.models.heads import MlpHeadSpec
from sfumato.training.averaging import (
    WeightAverage,
    carrying,
    equal_weight,
    moving_weight,
    norms_that_learn,
    refresh_statistics,
)
from sfumato.training.parameters import apply_learning

DECAY = 0.9


def steps(model, average, reference, count=30):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(count):
        model(torch.randn(8, 3)).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        average.take_in(model, moving_weight(DECAY, average.updates))
        reference.update_parameters(model)


def warm(average, current, updates):
    decay = min(DECAY, (1 + int(updates)) / (10 + int(updates)))
    return current if not current.is_floating_point() else decay * average + (1 - decay) * current


def test_equals_averaged_model_with_buffers():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    average = WeightAverage(model)
    reference = AveragedModel(model, avg_fn=lambda a, c, n: warm(a, c, n - 1), use_buffers=True)
    reference.n_averaged += 1  # torch copies at its first update; ours has averaged from the start
    steps(model, average, reference)
    theirs = reference.module.state_dict()
    for name, tensor in average.tensors.items():
        assert torch.allclose(tensor, theirs[name], rtol=1e-5, atol=1e-7), name
    assert average.tensors["1.num_batches_tracked"] == model[1].num_batches_tracked
    assert not torch.equal(average.tensors["1.running_mean"], model[1].running_mean)


def test_the_model_gets_its_own_weights_back():
    model = nn.Linear(2, 2)
    average = WeightAverage(model)
    with torch.no_grad():
        model.weight.add_(1)
    own = model.weight.clone()
    with pytest.raises(ZeroDivisionError), carrying(model, average.tensors):
        assert not torch.equal(model.weight, own)
        raise ZeroDivisionError
    assert torch.equal(model.weight, own)


def test_goes_on_from_saved_tensors():
    model = nn.Linear(2, 2)
    first, second = WeightAverage(model), WeightAverage(model)
    with torch.no_grad():
        model.weight.add_(1)
    first.take_in(model, moving_weight(DECAY, 0))
    second.restore({name: tensor.clone() for name, tensor in first.tensors.items()}, first.updates)
    for average in (first, second):
        average.take_in(model, moving_weight(DECAY, average.updates))
    assert torch.equal(first.tensors["weight"], second.tensors["weight"])


def test_the_equal_average_is_torchs_own():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    average, reference = WeightAverage(model), AveragedModel(model, use_buffers=True)
    optimizer, seen = torch.optim.SGD(model.parameters(), lr=0.1), []
    for _ in range(12):
        model(torch.randn(8, 3)).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        average.take_in(model, equal_weight(average.updates))
        reference.update_parameters(model)
        seen.append(model[0].weight.detach().clone())
    assert average.updates == 12
    assert torch.allclose(average.tensors["0.weight"], torch.stack(seen).mean(dim=0), atol=1e-6)
    for name, tensor in reference.module.state_dict().items():
        if tensor.is_floating_point():
            assert torch.allclose(average.tensors[name], tensor, rtol=1e-5, atol=1e-6), name


BATCHES = [255 * torch.rand(8, 3, 17, 17, generator=torch.Generator().manual_seed(i)) for i in range(5)]


def statistics(model):
    return {name: buffer.clone() for name, buffer in model.named_buffers() if "running" in name or "tracked" in name}


def test_refreshed_statistics_equal_update_bn():
    model, twin = tiny_model(), tiny_model()
    refresh_statistics(model, BATCHES)
    update_bn(BATCHES, twin)
    ours, theirs = statistics(model), statistics(twin)
    assert len(ours) == 6
    for name, buffer in ours.items():
        assert torch.equal(buffer, theirs[name]), name
    assert not model.training
    assert [norm.momentum for norm in norms_that_learn(model)] == [0.1, 0.1]


def test_refreshed_statistics_are_those_of_all_images():
    """In one batch they are the mean and variance over all pixels; in several, the mean of theirs."""
    model, whole = tiny_model(), torch.cat(BATCHES)
    with torch.no_grad():
        seen = model.backbone[0]((whole - model.mean) / model.std).transpose(0, 1).flatten(1)
    refresh_statistics(model, [whole])
    norm = model.backbone[1]
    assert torch.allclose(norm.running_mean, seen.mean(dim=1), rtol=1e-4, atol=1e-5)
    assert torch.allclose(norm.running_var, seen.var(dim=1), rtol=1e-4)
    refresh_statistics(model, BATCHES)
    each = seen.reshape(8, 5, -1)
    assert torch.allclose(norm.running_mean, seen.mean(dim=1), rtol=1e-4, atol=1e-5)
    assert torch.allclose(norm.running_var, each.var(dim=2).mean(dim=1), rtol=1e-4)


def test_dropout_rests_while_statistics_are_refreshed():
    results = []
    for dropout in (0.0, 0.9):
        model = tiny_model(dropout=dropout)
        refresh_statistics(model.train(), BATCHES)
        results.append(statistics(model))
    assert all(torch.equal(results[0][name], results[1][name]) for name in results[0])


def test_frozen_statistics_are_left_alone():
    model = tiny_model()
    apply_learning(model, (("backbone.0.*", 0.0), ("backbone.1.*", 0.0), ("*", 1.0)))
    before = statistics(model)
    refresh_statistics(model, BATCHES)
    changed = {name for name, buffer in statistics(model).items() if not torch.equal(buffer, before[name])}
    assert changed == {f"backbone.5.{name}" for name in ("running_mean", "running_var", "num_batches_tracked")}


def test_averages_follow_a_new_head_and_unfrozen_parts():
    model = tiny_model()
    apply_learning(model, (("head.*", 1.0), ("*", 0.0)))
    average = WeightAverage(model)
    with torch.no_grad():
        model.backbone[0].weight.add_(1)
    average.take_in(model, 0.5)
    body = average.tensors["backbone.0.weight"].clone()
    apply_learning(model, (("*", 1.0),))
    model.replace_head(MlpHeadSpec(hidden=5))
    average.follow(model, "head.")
    assert list(average.tensors) == list(model.state_dict())
    assert torch.equal(average.tensors["backbone.0.weight"], body)
    assert torch.equal(average.tensors["head.0.weight"], model.head[0].weight)
    assert average.tensors["head.0.weight"] is not model.head[0].weight
    average.take_in(model, 0.5)
    with carrying(model, average.tensors):
        assert torch.equal(model.backbone[0].weight, average.tensors["backbone.0.weight"])


@pytest.mark.parametrize("anneal", [0, 1, 3])
def test_the_rate_of_averaging_equals_swalr(anneal):
    """torch steps once an epoch; ours moves within epochs, and is the same at their begins."""
    keyframe = {"at": "4ep", "swa": {"lr": 0.02, **({"anneal": f"{anneal}ep"} if anneal else {})}}
    p = plan(keyframe, epochs=10, samples=320, lr=0.1)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler, rates = SWALR(optimizer, swa_lr=0.02, anneal_epochs=anneal), []
    for _ in range(6):
        optimizer.step()
        rates.append(optimizer.param_groups[0]["lr"])
        scheduler.step()
    found = [p.at(10 * epoch).lr for epoch in range(10)]
    assert found[:4] == pytest.approx([0.1] * 4)
    assert found[4:] == pytest.approx(rates if anneal else [0.02] * 6)
    for step in range(40, 40 + 10 * anneal):
        done = (step / 10 - 4) / anneal
        assert p.at(step).lr == pytest.approx(0.02 + 0.08 * (1 + math.cos(math.pi * done)) / 2)


def test_epochs_that_are_averaged():
    p = plan({"at": "3ep", "swa": {"lr": 0.02, "every": 2}}, epochs=10, samples=32)
    assert [epoch for epoch in range(10) if p.averaging.takes(epoch)] == [4, 6, 8]
    assert [p.at(step).averaging for step in range(10)] == [False] * 3 + [True] * 7


def test_a_plateau_lowers_the_schedules_rate_and_not_that_of_averaging():
    p = plan({"at": "4ep", "swa": {"lr": 0.02, "anneal": "2ep"}}, epochs=10, samples=320, lr=0.1)
    assert p.lr_at(3, 0.1) == pytest.approx(0.01)
    assert p.lr_at(4, 0.1) == pytest.approx(0.01)
    assert p.lr_at(5, 0.1) == pytest.approx(0.015)
    assert p.lr_at(6, 0.1) == p.lr_at(9, 0.1) == 0.02
