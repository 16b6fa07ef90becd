import numpy as np
import pytest

from sfumato.metrics.selective import aurc, aurc_interval, excess_aurc, least_aurc, risk_coverage


def drawn(samples: int = 200, seed: int = 0):
    rng = np.random.default_rng(seed)
    return rng.random(samples), rng.random(samples) < 0.8


def test_a_curve_by_hand():
    found = risk_coverage(np.array([0.9, 0.5, 0.7]), np.array([True, False, False]))
    assert found.coverage == pytest.approx([1 / 3, 2 / 3, 1])
    assert found.risk == pytest.approx([0, 1 / 2, 2 / 3])


@pytest.mark.parametrize(("samples", "wrong"), [(10, 3), (1000, 120), (5, 0), (5, 5)])
def test_perfect_order_has_the_closed_form(samples, wrong):
    correct = np.arange(samples) >= wrong
    assert aurc(np.arange(samples), correct) == pytest.approx(least_aurc(samples, wrong))
    assert excess_aurc(np.arange(samples), correct) == pytest.approx(0)


def test_the_closed_form_is_geifmans_where_samples_are_many():
    """r + (1 - r) ln(1 - r)."""
    assert least_aurc(100_000, 10_000) == pytest.approx(0.1 + 0.9 * np.log(0.9), abs=1e-5)


def test_random_order_has_the_error_rate():
    rng, (_, correct) = np.random.default_rng(1), drawn()
    assert np.mean([aurc(rng.permutation(200), correct) for _ in range(2000)]) == pytest.approx(
        (~correct).mean(), abs=0.005
    )


def test_equally_sure_samples_count_as_all_their_orders_do():
    _, correct = drawn()
    assert aurc(np.zeros(200), correct) == pytest.approx((~correct).mean())
    rng = np.random.default_rng(1)
    tied = rng.random(200).round(1)
    broken = np.mean([aurc(tied + rng.random(200) * 1e-6, correct) for _ in range(2000)])
    assert aurc(tied, correct) == pytest.approx(broken, abs=0.002)


def test_only_the_order_counts_and_an_interval_holds_it():
    sureness, correct = drawn()
    assert aurc(sureness, correct) == pytest.approx(aurc(np.exp(5 * sureness), correct))
    found = aurc_interval(sureness, correct)
    assert found.low < found.value < found.high
    assert aurc(np.zeros(0), np.zeros(0, dtype=bool)) == 0
