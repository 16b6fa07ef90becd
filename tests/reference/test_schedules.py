"""Learning rates against torch's schedulers and against closed forms."""

import math

import pytest
import torch
from tests.plans import plan
from torch.optim import lr_scheduler

from sfumato.training.duration import Duration
from sfumato.training.schedules import ConstantSpec, CosineSpec, LinearSpec, OneCycleSpec, StepSpec


def ep(amount):
    return Duration(amount, "ep")


def torch_rates(make, steps, base=1.0):
    """The rate of each step under a scheduler that is stepped after it."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=base)
    scheduler, rates = make(optimizer), []
    for step in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step < steps - 1:  # torch's OneCycleLR refuses a step past its last
            scheduler.step()
    return rates


def rates(p):
    return [p.at(step).lr for step in range(p.steps)]


@pytest.mark.parametrize(("epochs", "steps"), [(10, 10), (1, 7), (3, 1), (25, 40)])
@pytest.mark.parametrize("rise", [0.1, 0.3, 0.5])
@pytest.mark.parametrize(("start", "end"), [(25.0, 1e4), (10.0, 100.0)])
def test_onecycle_is_torchs_at_every_step(epochs, steps, rise, start, end):
    total = epochs * steps
    spec = OneCycleSpec(rise=rise, start_divisor=start, end_divisor=end)
    found = rates(plan(epochs=epochs, samples=32 * steps, lr=0.7, schedule=spec))

    def one_cycle(optimizer):
        options = {"pct_start": rise, "div_factor": start, "final_div_factor": end, "cycle_momentum": False}
        return lr_scheduler.OneCycleLR(optimizer, 0.7, total_steps=total, **options)

    assert found == pytest.approx(torch_rates(one_cycle, total), rel=1e-9)


def test_onecycle_at_its_corners():
    found = rates(plan(epochs=10, samples=320, lr=1e-3, schedule=OneCycleSpec(rise=0.1, end_divisor=1e3)))
    assert len(found) == 100
    assert found[0] == pytest.approx(4e-5)
    assert found.index(max(found)) == 9
    assert found[9] == pytest.approx(1e-3)
    assert found[-1] == pytest.approx(4e-8)
    assert found[9:] == sorted(found[9:], reverse=True)


@pytest.mark.parametrize(("every", "factor"), [(3, 0.1), (2, 0.5), (1, 0.9)])
def test_step_decay_is_torchs(every, factor):
    found = rates(plan(epochs=10, samples=320, lr=0.3, schedule=StepSpec(every=ep(every), factor=factor)))
    expected = torch_rates(lambda optimizer: lr_scheduler.StepLR(optimizer, 10 * every, factor), 100, 0.3)
    assert found == pytest.approx(expected, rel=1e-9)
    warm = rates(plan(epochs=10, samples=320, lr=0.3, schedule=StepSpec(every=ep(every), factor=factor, warmup=ep(2))))
    assert warm[20:] == pytest.approx(expected[:80], rel=1e-9)
    assert warm[:20] == pytest.approx([0.3 * (0.02 + 0.98 * step / 20) for step in range(20)])


@pytest.mark.parametrize("every", [10, 8])
def test_a_step_decay_that_never_steps_is_refused(every):
    from sfumato.errors import InputError

    spec = StepSpec(every=ep(every), warmup=ep(10 - every))
    with pytest.raises(InputError) as caught:
        plan(epochs=10, schedule=spec)
    message = "train.schedule.every: has no effect: the first change is at epoch 10, and training ends at 10"
    assert str(caught.value) == message


@pytest.mark.parametrize("kind", [CosineSpec, LinearSpec])
@pytest.mark.parametrize(("warmup", "until"), [(0, 100), (2, 100), (2, 60), (0, 35), (3, 30)])
def test_decay_with_warmup_and_an_early_end(kind, warmup, until):
    spec = kind(warmup=ep(warmup), warmup_from=0.1, floor=0.01, until=Duration(until, "%"))
    found, end = rates(plan(epochs=10, samples=320, lr=0.5, schedule=spec)), until / 10

    def closed(epoch):
        if epoch < warmup:
            return 0.5 * (0.1 + 0.9 * epoch / warmup)
        done = min(1.0, (epoch - warmup) / (end - warmup)) if end > warmup else 1.0
        left = 1 - done if kind is LinearSpec else (1 + math.cos(math.pi * done)) / 2
        return 0.01 + 0.49 * left

    assert found == pytest.approx([closed(step / 10) for step in range(100)], rel=1e-9)
    if kind is CosineSpec and not warmup and until < 100:

        def cosine(optimizer):
            return lr_scheduler.CosineAnnealingLR(optimizer, 10 * end, eta_min=0.01)

        fall = round(10 * end)
        assert found[:fall] == pytest.approx(torch_rates(cosine, fall, 0.5), rel=1e-6)


@pytest.mark.parametrize("kind", ["cosine", "linear", "constant", "step", "onecycle"])
def test_a_scale_multiplies_what_lies_above_the_floor_in_every_epoch(kind):
    """x 1.2 from epoch 10 and x 0.48 from 25, in closed form: no rate depends on the one before it."""
    specs = {
        "cosine": CosineSpec(warmup=ep(5), floor=1e-6),
        "linear": LinearSpec(warmup=ep(5), floor=1e-6),
        "constant": ConstantSpec(warmup=ep(5)),
        "step": StepSpec(every=ep(15), warmup=ep(5)),
        "onecycle": OneCycleSpec(),
    }
    floor = 1e-6 if kind in ("cosine", "linear") else 0.0
    options = {"epochs": 50, "samples": 320, "lr": 5e-4, "schedule": specs[kind]}
    plain = plan(**options)
    scaled = plan({"at": "10ep", "lr_scale": 1.2}, {"at": "25ep", "lr_scale": 0.48}, **options)
    factors = [1.0] * 10 + [1.2] * 15 + [0.48] * 25
    for step in range(0, 500, 5):
        expected = floor + factors[step // 10] * (plain.at(step).lr - floor)
        if step < 50 and floor:
            expected = plain.at(step).lr
        assert scaled.at(step).lr == pytest.approx(expected, rel=1e-9)
    if kind == "cosine":
        vector = [scaled.at(10 * epoch).lr for epoch in range(50)]
        for epoch in range(5, 50):
            half = (1 + math.cos(math.pi * (epoch - 5) / 45)) / 2
            assert vector[epoch] == pytest.approx(1e-6 + (5e-4 - 1e-6) * factors[epoch] * half, rel=1e-9)
        assert vector[:5] == pytest.approx([5e-4 * (0.02 + 0.98 * epoch / 5) for epoch in range(5)])


def test_a_plan_made_anew_gives_the_rates_that_are_left():
    """Nothing is remembered: from any epoch on the rates are those of the whole."""
    keyframes = [
        {"at": "2ep", "lr_scale": {"to": 0.3, "over": "4ep"}},
        {"at": "7ep", "swa": {"lr": 0.02, "anneal": "2ep"}},
    ]
    options = {"epochs": 10, "samples": 320, "lr": 0.3, "schedule": CosineSpec(warmup=ep(1), until=ep(7))}
    whole = rates(plan(*keyframes, **options))
    for epoch in range(10):
        later = plan(*keyframes, **options)
        assert [later.at(step).lr for step in range(10 * epoch, 100)] == whole[10 * epoch :]
