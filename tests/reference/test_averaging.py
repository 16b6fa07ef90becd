"""The moving average against torch's AveragedModel, buffers included."""

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from sfumato.training.averaging import WeightAverage, carrying, moving_weight

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
