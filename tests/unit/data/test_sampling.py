import numpy as np
import pytest
from scipy import stats

from sfumato.data.sampling import draw_chances, epoch_order, occurrence, steps_in_epoch

COUNTS = np.array([12341, 166, 5])
TARGETS = np.repeat([0, 1, 2], COUNTS)


def test_power_zero_draws_every_row_once():
    order = epoch_order(TARGETS, 0.0, seed=0, epoch=0)
    assert sorted(order.tolist()) == list(range(len(TARGETS)))


@pytest.mark.parametrize("power", [0.3, 0.5, 1.0])
def test_histogram_of_classes_is_the_closed_form(power):
    drawn = sum(np.bincount(TARGETS[epoch_order(TARGETS, power, 0, epoch)], minlength=3) for epoch in range(20))
    expected = COUNTS ** (1 - power) / (COUNTS ** (1 - power)).sum() * drawn.sum()
    assert drawn.sum() == 20 * len(TARGETS)
    assert stats.chisquare(drawn, expected).pvalue > 0.001


CLOSED_FORM = {
    "power": lambda n, a: n ** (1 - a) / (n ** (1 - a)).sum(),
    "distribution": lambda n, a: a / len(n) + (1 - a) * n / n.sum(),
    "class_share": lambda n, a: n * (a / n / (1 / n).sum() + 1 - a) / (a * len(n) / (1 / n).sum() + (1 - a) * n.sum()),
}
MANY = np.array([12341, *[300] * 33, *[5] * 10])
"""44 classes of which ten are rare: so the inverse counts add up to about 2."""


@pytest.mark.parametrize("mix", CLOSED_FORM)
@pytest.mark.parametrize("power", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_chances_are_the_closed_form_and_draws_follow_them(mix, power):
    expected = CLOSED_FORM[mix](COUNTS.astype(float), power)
    assert draw_chances(COUNTS, power, mix) == pytest.approx(expected, rel=1e-9)
    drawn = sum(np.bincount(TARGETS[epoch_order(TARGETS, power, 1, epoch, mix)], minlength=3) for epoch in range(10))
    assert drawn.sum() == 10 * len(TARGETS)
    assert stats.chisquare(drawn, expected * drawn.sum()).pvalue > 0.001


@pytest.mark.parametrize("mix", CLOSED_FORM)
@pytest.mark.parametrize("counts", [COUNTS, MANY, np.array([4, 0, 1])], ids=["three", "many", "one empty"])
def test_from_natural_to_balanced(mix, counts):
    there = counts > 0
    assert draw_chances(counts, 0.0, mix) == pytest.approx(counts / counts.sum())
    assert draw_chances(counts, 1.0, mix) == pytest.approx(there / there.sum())
    chances = np.array([draw_chances(counts, power, mix) for power in np.linspace(0, 1, 41)])
    assert chances.sum(axis=1) == pytest.approx([1] * 41)
    rarest, largest = chances[:, np.where(there, counts, 10**6).argmin()], chances[:, counts.argmax()]
    assert (np.diff(rarest) > 0).all()
    assert (np.diff(largest) < 0).all()
    assert not chances[:, ~there].any()


def ratio(counts, power, mix):
    """How much more often an image of the rarest class is drawn than one of the largest."""
    each = draw_chances(counts, power, mix) / counts
    return each[counts.argmin()] / each[counts.argmax()]


def test_half_way_is_no_switch_but_for_the_seeds_own_mix():
    assert ratio(np.array([12341, 5]), 0.5, "power") == pytest.approx((12341 / 5) ** 0.5)  # 49.7
    closed = (0.5 / 2 / 5 + 0.5 / 12346) / (0.5 / 2 / 12341 + 0.5 / 12346)
    assert ratio(np.array([12341, 5]), 0.5, "distribution") == pytest.approx(closed)
    assert min(ratio(np.array([12341, 5]), 0.5, mix) for mix in ("power", "distribution")) >= 10
    ten_rare = np.array([12341, *[5] * 10])
    found = [ratio(ten_rare, power, "class_share") for power in (1.0, 0.99, 0.9, 0.5)]
    assert found == pytest.approx([2468.2, 10.9, 1.9, 1.1], rel=0.01)
    assert min(ratio(ten_rare, 0.5, mix) for mix in ("power", "distribution")) >= 10


def test_rows_of_a_class_are_drawn_evenly():
    times = np.bincount(epoch_order(TARGETS, 1.0, 0, 0), minlength=len(TARGETS))
    tail = times[TARGETS == 2]
    assert tail.max() - tail.min() <= 1
    assert tail.mean() == pytest.approx(len(TARGETS) / 3 / 5, abs=1)


def test_ramp_is_monotone_and_half_way_is_no_switch():
    ratios = []
    for power in np.linspace(0, 1, 11):
        per_image = draw_chances(COUNTS, power) / COUNTS
        ratios.append(per_image[2] / per_image[0])
    assert ratios[0] == pytest.approx(1)
    assert ratios[-1] == pytest.approx(12341 / 5)
    assert (np.diff(ratios) > 0).all()
    assert ratios[5] == pytest.approx((12341 / 5) ** 0.5)
    assert ratios[5] >= 10


def test_order_is_a_function_of_seed_and_epoch():
    orders = [epoch_order(TARGETS, 0.5, seed, epoch) for seed, epoch in ((0, 0), (0, 1), (1, 0), (0, 0))]
    assert np.array_equal(orders[0], orders[3])
    assert not np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[0], orders[2])


def test_a_class_without_a_sample_has_no_weight():
    assert draw_chances(np.array([4, 0, 1]), 1.0).tolist() == [0.5, 0, 0.5]


def test_occurrence_counts_draws():
    order = np.array([3, 1, 3, 3, 1, 0])
    assert occurrence(order).tolist() == [0, 0, 1, 2, 1, 0]


@pytest.mark.parametrize(("samples", "batch", "steps"), [(100, 32, 3), (32, 32, 1), (5, 32, 1), (64, 32, 2)])
def test_only_whole_batches(samples, batch, steps):
    assert steps_in_epoch(samples, batch) == steps
