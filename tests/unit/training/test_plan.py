import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sfumato.errors import InputError
from sfumato.models.heads import LinearHeadSpec
from sfumato.training.clock import Clock
from sfumato.training.duration import LEAST, MOST, Duration, parse
from sfumato.training.keyframe import Keyframe, Ramp
from sfumato.training.plan import make_plan
from sfumato.training.schedules import ConstantSpec, CosineSpec, LinearSpec


def ep(amount):
    return Duration(amount, "ep")


def plan(*keyframes, epochs=10, samples=320, schedule=None, base_lr=1.0, image_size=64):
    made = [Keyframe.model_validate({"at": parse(k.pop("at")), **k}) for k in map(dict, keyframes)]
    schedule = schedule or ConstantSpec()
    return make_plan(
        made, schedule, base_lr=base_lr, epochs=epochs, samples=samples, image_size=image_size, head=LinearHeadSpec()
    )


def test_nothing_said_gives_the_defaults_at_every_step():
    p = plan()
    assert p.steps == 100
    for step in range(100):
        s = p.at(step)
        assert (s.step, s.epoch, s.lr, s.batch_size, s.image_size, s.augment) == (step, step // 10, 1.0, 32, 64, 1.0)
        assert s.learn == (("*", 1.0),)


def test_a_track_holds_its_value_until_the_next_keyframe():
    p = plan(
        {"at": "2ep", "label_smoothing": 0.1},
        {"at": "50%", "label_smoothing": 0.05},
        {"at": "80st", "label_smoothing": 0},
    )
    values = [p.at(step).label_smoothing for step in range(100)]
    assert values == [0.0] * 20 + [0.1] * 30 + [0.05] * 30 + [0.0] * 20


def test_ramps_in_closed_form():
    p = plan(
        {"at": "0ep", "mixup_alpha": 0.4},
        {"at": "2ep", "mixup_alpha": Ramp(to=0.0, over=ep(4)), "augment": Ramp(to=0.0, over=ep(4), shape="cosine")},
    )
    for step in range(100):
        done = min(1.0, max(0.0, (step / 10 - 2) / 4))
        assert p.at(step).mixing.mixup_alpha == pytest.approx(0.4 * (1 - done))
        assert p.at(step).augment == pytest.approx(1 - (1 - math.cos(math.pi * done)) / 2)


def test_teacher_forcing_goes_from_all_to_half():
    p = plan({"at": "2ep", "teacher_forcing": Ramp(to=0.5, over=ep(4))})
    found = [p.at(10 * epoch).teacher_forcing for epoch in range(10)]
    assert found == pytest.approx([1, 1, 1, 0.875, 0.75, 0.625, 0.5, 0.5, 0.5, 0.5])


def test_image_sizes_ramp_in_steps_and_end_where_they_were_told():
    p = plan({"at": "1ep", "image_size": Ramp(to=230, over=ep(6))})
    sizes = [p.at(step).image_size for step in range(100)]
    assert sizes[0] == 64
    assert sizes[-1] == p.final_size == 230
    assert all(size % 32 == 0 for size in sizes[10:69])
    assert sizes == sorted(sizes)
    assert set(sizes) <= set(p.image_sizes)


@pytest.mark.parametrize("to", [64, 72, 100])
def test_a_ramp_to_the_end_gives_the_size_it_names(to):
    p = plan({"at": "0ep", "image_size": Ramp(to=to, over=ep(4))}, epochs=4, samples=32, image_size=40)
    assert p.final_size == to
    assert to in p.image_sizes
    many = plan({"at": "0ep", "image_size": Ramp(to=to, over=ep(4))}, epochs=4, samples=3200, image_size=40)
    assert many.at(many.steps - 1).image_size == to
    assert min(many.image_sizes) == 40


def test_batch_size_changes_the_steps_of_an_epoch():
    p = plan({"at": "5ep", "batch_size": 64})
    assert p.steps == 5 * 10 + 5 * 5
    assert p.clock.starts == (0, 10, 20, 30, 40, 50, 55, 60, 65, 70, 75)
    assert [p.at(step).batch_size for step in (49, 50)] == [32, 64]
    assert [p.at(step).epoch for step in (49, 50, 54, 55)] == [4, 5, 5, 6]


def test_steps_are_counted_across_batch_sizes():
    p = plan(
        {"at": "0ep", "label_smoothing": 0.1}, {"at": "5ep", "batch_size": 64}, {"at": "57st", "label_smoothing": 0.2}
    )
    assert [p.at(step).label_smoothing for step in (56, 57)] == [0.1, 0.2]


def test_sampler_power_keeps_one_value_within_an_epoch():
    p = plan({"at": "0ep", "sampler_power": 1.0}, {"at": "2ep", "sampler_power": Ramp(to=0.0, over=ep(4))})
    by_epoch = [{p.at(step).sampler_power for step in range(10 * e, 10 * e + 10)} for e in range(10)]
    assert [len(values) for values in by_epoch] == [1] * 10
    assert [values.pop() for values in by_epoch] == pytest.approx([1, 1, 1, 0.75, 0.5, 0.25, 0, 0, 0, 0])


def test_learn_tables_change_when_told():
    p = plan({"at": "0ep", "learn": {"head.*": 2.0, "*": "frozen"}}, {"at": "30%", "learn": {"*": 1.0}})
    assert [p.at(step).learn for step in (29, 30)] == [(("head.*", 2.0), ("*", 0.0)), (("*", 1.0),)]


def torch_rates(scheduler_of, steps, base=1.0):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=base)
    scheduler, rates = scheduler_of(optimizer), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize("decay", ["cosine", "linear"])
def test_warmup_and_decay_equal_torch(decay):
    from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

    def reference(optimizer):
        warm = LinearLR(optimizer, 0.02, 1.0, total_iters=20)
        fall = (
            CosineAnnealingLR(optimizer, 80, eta_min=0.01) if decay == "cosine" else LinearLR(optimizer, 1.0, 0.01, 80)
        )
        return SequentialLR(optimizer, [warm, fall], milestones=[20])

    kind = CosineSpec if decay == "cosine" else LinearSpec
    spec = kind(warmup=ep(2), warmup_from=0.02, floor=0.01)
    p = plan(schedule=spec)
    assert [p.at(step).lr for step in range(100)] == pytest.approx(torch_rates(reference, 100), rel=1e-6)


def test_a_scale_lasts_and_the_floor_stays():
    """METHODS of the seed: x 1.2 at 10 and x 0.4 at 25 persist; at the end the floor is reached all the same."""
    spec = CosineSpec(warmup=ep(5), floor=1e-6)
    base = plan(epochs=50, samples=320, schedule=spec, base_lr=5e-4)
    scaled = plan(
        {"at": "10ep", "lr_scale": 1.2}, {"at": "25ep", "lr_scale": 0.48}, epochs=50, schedule=spec, base_lr=5e-4
    )
    above = [(scaled.at(10 * e).lr - 1e-6) / (base.at(10 * e).lr - 1e-6) for e in range(50)]
    assert above == pytest.approx([1] * 10 + [1.2] * 15 + [0.48] * 25)
    ratio = [scaled.at(10 * e).lr / base.at(10 * e).lr for e in range(50)]
    assert ratio[10:25] == pytest.approx([1.2] * 15, rel=2e-3)
    assert ratio[25] == pytest.approx(0.48, rel=5e-3)
    assert ratio[49] == pytest.approx(0.80, abs=0.01)
    assert scaled.lr_at(50 - 1e-9) == pytest.approx(1e-6, rel=1e-3)


def test_moments_name_every_change():
    p = plan(
        {"at": "1ep", "mixup_alpha": Ramp(to=0.4, over=ep(2))},
        {"at": "6ep", "learn": {"*": 1.0}},
        schedule=CosineSpec(warmup=ep(2)),
    )
    assert p.moments() == [0.0, 1.0, 2.0, 3.0, 6.0]


@pytest.mark.parametrize("text", ["3ep", "2.5ep", "500st", "20%", "0.5%"])
def test_durations_are_read_and_written(text):
    assert str(parse(text)) == text


@given(st.floats(LEAST, MOST), st.integers(0, int(MOST)), st.sampled_from(["ep", "%"]))
def test_durations_keep_every_digit(amount, steps, unit):
    for duration in (Duration(amount, unit), Duration(steps, "st")):
        assert parse(str(duration)) == duration


@pytest.mark.parametrize("value", ["9" * 400 + "st", "1" * 12 + "ep", "0.0000001%"])
def test_durations_are_bounded(value):
    with pytest.raises(ValueError, match="expected 0.000001 to 1,000,000,000$") as caught:
        parse(value)
    assert len(str(caught.value)) < 100


def test_percents_name_whole_epochs_exactly():
    clock = Clock(tuple(range(101)))
    assert [clock.moment(Duration(share, "%"), 0.0) for share in range(101)] == list(range(101))


@pytest.mark.parametrize("value", ["3", "ep", "3 ep", "-1ep", "3epochs", "1.5st", 3, None, "", "1e3st"])
def test_durations_without_a_unit_are_refused(value):
    with pytest.raises(ValueError, match="no duration"):
        parse(value)


def test_clock_counts_back_and_forth():
    clock = Clock((0, 4, 8, 10))
    assert [clock.epoch_at(step) for step in range(10)] == [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5]
    assert [clock.moment(Duration(n, "st"), 0.0) for n in (0, 2, 9, 10, 12)] == [0, 0.5, 2.5, 3, 5]
    assert clock.moment(Duration(3, "st"), 0.5) == 1.25
    assert clock.moment(Duration(50, "%"), 0.5) == 2.0


@pytest.mark.parametrize(
    ("keyframes", "message"),
    [
        ([{"at": "10ep", "augment": 0.5}], "timeline[0].at: 10ep is past the end of training, which lasts 10 epochs"),
        ([{"at": "100st", "augment": 0.5}], "timeline[0].at: 100st is past the end of training"),
        ([{"at": "2ep"}], "timeline[0]: sets no track, so it has no effect"),
        (
            [{"at": "2ep", "augment": 0.5}, {"at": "2ep", "augment": 0.4}],
            "timeline[1].at: 2ep is not after the keyframe before it, at epoch 2; expected keyframes in order of time",
        ),
        ([{"at": "30%", "augment": 0.5}, {"at": "1ep", "augment": 0.4}], "timeline[1].at: 1ep is not after"),
        (
            [{"at": "2ep", "augment": Ramp(to=0.0, over=ep(4))}, {"at": "5ep", "augment": 1}],
            "timeline[1].augment: the ramp that began at epoch 2 is still running",
        ),
        (
            [{"at": "8ep", "augment": Ramp(to=0.0, over=ep(4))}],
            "timeline[0].augment: the ramp from epoch 8 ends at epoch 12, past the end of training at 10",
        ),
        (
            [{"at": "25%", "batch_size": 8}],
            "timeline[0].batch_size: changes between epochs only, and 25% is epoch 2.5; move the keyframe to 2ep or 3ep",
        ),
        (
            [{"at": "99.5%", "augment": 0.5}],
            "timeline[0].at: has no effect: 99.5% is epoch 9.95, and the last step begins at epoch 9.9",
        ),
        (
            [{"at": "99st", "image_size": Ramp(to=96, over=Duration(1, "st"))}],
            "timeline[0].image_size: no step comes after the ramp's begin at epoch 9.9",
        ),
        (
            [{"at": "9ep", "sampler_power": Ramp(to=1.0, over=ep(1))}],
            "timeline[0].sampler_power: no step comes after the ramp's begin at epoch 9",
        ),
        (
            [
                {"at": "0ep", "mixup_alpha": 0.2},
                {"at": "5ep", "mixup_alpha": 0, "cutmix_alpha": 1, "cutmix_share": 0.3},
            ],
            "timeline[1].cutmix_share: has no effect: mixup and CutMix are never both on after it",
        ),
        (
            [{"at": "0ep", "mixup_alpha": 0.2}, {"at": "5ep", "mixup_alpha": 0}, {"at": "6ep", "mix_probability": 0.5}],
            "timeline[2].mix_probability: has no effect: nothing is mixed after it",
        ),
        (
            [{"at": "0ep", "mixup_alpha": 0.2, "mix_probability": 0}],
            "timeline[0].mixup_alpha: has no effect: mix_probability and cutmix_share leave it no batch",
        ),
        (
            [{"at": "0ep", "mixup_alpha": 0.2, "cutmix_alpha": 1, "cutmix_share": 0}],
            "timeline[0].cutmix_alpha: has no effect: mix_probability and cutmix_share leave it no batch",
        ),
        ([{"at": "15st", "sampler_power": 0.5}], "timeline[0].sampler_power: changes between epochs only"),
        ([{"at": "20st", "batch_size": 8}], "timeline[0].batch_size: the batch size decides how long a step is"),
    ],
)
def test_contradictions_are_refused_with_their_place(keyframes, message):
    with pytest.raises(InputError) as caught:
        plan(*keyframes)
    assert str(caught.value).startswith(message)


def test_mixing_that_matters_for_a_while_is_no_mistake():
    fading = Ramp(to=0.0, over=ep(2))
    plan({"at": "0ep", "mixup_alpha": 0.2}, {"at": "5ep", "mix_probability": 0})
    plan(
        {"at": "0ep", "mixup_alpha": 0.2, "cutmix_share": 0.3}, {"at": "2ep", "mixup_alpha": fading, "cutmix_alpha": 1}
    )
    plan({"at": "0ep", "mix_probability": Ramp(to=0.5, over=ep(2)), "cutmix_alpha": 1})


def test_warmup_longer_than_training():
    with pytest.raises(InputError, match=r"train\.schedule\.warmup: 12ep is longer than the 10 epochs"):
        plan(schedule=CosineSpec(warmup=ep(12)))


def test_steps_outside_the_plan():
    for step in (-1, 100):
        with pytest.raises(IndexError):
            plan().at(step)
