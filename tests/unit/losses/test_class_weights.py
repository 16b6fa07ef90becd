"""Class weights against the values of the papers' formulas."""

import pytest
import torch

from sfumato.errors import InputError
from sfumato.losses.class_weights import (
    EffectiveNumberSpec,
    FileWeightsSpec,
    GivenWeightsSpec,
    InverseFrequencySpec,
    class_weights,
)

COUNTS = torch.tensor([1.0, 5.0, 166.0, 12341.0])
NAMES = ("a", "b", "c", "d")


def relative(spec, counts=COUNTS):
    """Weights of the classes against that of the largest."""
    found = class_weights(spec, counts, NAMES)
    assert float(found.sum()) == pytest.approx(len(counts), rel=1e-6)
    return (found / found[-1]).tolist()


@pytest.mark.parametrize(
    ("beta", "expected"),
    [
        (0.0, [1, 1, 1, 1]),
        (0.9, [10.0, 2.44, 1.0, 1]),
        (0.999, [1000, 200.4, 6.5, 1]),
        (0.9999, [7089, 1418, 43.1, 1]),
        (1 - 1e-9, [12341, 2468, 74.3, 1]),
    ],
)
def test_effective_number_equals_its_table(beta, expected):
    assert relative(EffectiveNumberSpec(beta=beta, cap=None)) == pytest.approx(expected, rel=7e-3)  # as its digits go


def test_beta_towards_1_is_inverse_frequency():
    found = relative(EffectiveNumberSpec(beta=1 - 1e-9, cap=None))
    assert found == pytest.approx((12341 / COUNTS).tolist(), rel=1e-3)
    assert found == pytest.approx(relative(InverseFrequencySpec(cap=None)), rel=1e-3)


@pytest.mark.parametrize("n", [1, 2, 7, 100])
def test_effective_number_is_the_geometric_sum(n):
    """1 / weight is 1 + beta + ... + beta^(n-1), of which one sample has the first term alone."""
    counts, beta = torch.tensor([1.0, float(n)]), 0.93
    one, many = class_weights(EffectiveNumberSpec(beta=beta, cap=None), counts, ("a", "b")).tolist()
    assert one / many == pytest.approx(sum(beta**i for i in range(n)), rel=1e-5)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_inverse_frequency_is_a_power(power):
    found = relative(InverseFrequencySpec(power=power, cap=None))
    assert found == pytest.approx(((12341 / COUNTS) ** power).tolist(), rel=1e-5)


@pytest.mark.parametrize("spec", [InverseFrequencySpec(cap=None), EffectiveNumberSpec(), InverseFrequencySpec(power=2)])
def test_a_class_without_image_weighs_nothing(spec):
    found = class_weights(spec, torch.tensor([0.0, 5.0, 166.0, 12341.0]), NAMES)
    assert found[0] == 0
    assert found.isfinite().all()
    assert float(found.sum()) == pytest.approx(4)
    assert (found[1:] > 0).all()


@pytest.mark.parametrize("spec", [InverseFrequencySpec(), EffectiveNumberSpec(beta=0.99999)])
def test_no_class_weighs_more_than_the_cap_allows(spec):
    assert spec.cap == 50
    assert relative(spec) == pytest.approx([50, 50, 50, 1])
    mild = class_weights(spec, torch.tensor([100.0, 200.0]), ("a", "b"))
    assert float(mild[0] / mild[1]) == pytest.approx(2, rel=1e-2)


def test_given_weights_are_scaled_to_the_number_of_classes():
    given = GivenWeightsSpec(weights={"d": 1, "a": 4, "b": 0, "c": 3})
    assert class_weights(given, COUNTS, NAMES).tolist() == pytest.approx([2, 0, 1.5, 0.5])
    unseen = torch.tensor([0.0, 5.0, 166.0, 12341.0])
    assert class_weights(given, unseen, NAMES).tolist() == pytest.approx([0, 0, 3, 1])


@pytest.mark.parametrize(
    ("weights", "counts", "message"),
    [
        ({"a": 1, "b": 1, "c": 1}, COUNTS, "no weight for class 'd'; expected a weight for every class"),
        (
            {"a": 1, "b": 1, "c": 1, "d": 1, "disc": 1},
            COUNTS,
            "a weight for 'disc', which is no class",
        ),
        (
            {"a": 0, "b": 0, "c": 0, "d": 0},
            COUNTS,
            "every class that has images weighs 0; expected a weight above 0 for one of them",
        ),
        (
            {"a": 1, "b": 0, "c": 0, "d": 0},
            torch.tensor([0.0, 1.0, 1.0, 1.0]),
            "every class that has images weighs 0; expected a weight above 0 for one of them",
        ),
    ],
)
def test_weights_that_are_not_those_of_the_classes(weights, counts, message):
    with pytest.raises(InputError) as caught:
        class_weights(GivenWeightsSpec(weights=weights), counts, NAMES)
    assert str(caught.value) == message


def test_a_file_must_have_been_read():
    with pytest.raises(TypeError, match="are read before training"):
        class_weights(FileWeightsSpec(file="weights.csv"), COUNTS, NAMES)
