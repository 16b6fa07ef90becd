"""No number that is none passes a public function of deciding or measuring, and no odd set of samples breaks one.

Each is called of no sample, one, all of one class, ties, and numbers of great size: it gives finite figures, or refuses
in one line where the table below says that nothing can be made of so little. With one number replaced by NaN or an
infinity it refuses, whichever number it is.
"""

import math
import warnings
from dataclasses import fields, is_dataclass
from typing import get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.contracts.boundary import INSIDE, RULES, SCORES, VARIANTS, Call, Case, call_of, cases, functions

from sfumato.decision.abstention import Abstention
from sfumato.decision.calibrators.calibrator import AnyCalibrator
from sfumato.decision.conformal.scores import AnyScore
from sfumato.decision.thresholds.rules import Swept
from sfumato.errors import InputError
from sfumato.metrics.finite import refuse_not_finite

SETTINGS = settings(derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
EXAMPLES, OF_SLOW_ONES = 15, 4
SLOW = (
    "metrics.trust",
    "metrics.honesty",
    "metrics.results",
    "metrics.multilabel_results",
    "metrics.selective.aurc_interval",
    "metrics.scores.",
)
"""They resample all samples a thousand times."""
CHECKED = sorted(functions().keys() - {name for names in INSIDE.values() for name in names})
PAIRS = [(name, place) for name in CHECKED for place in range(len(VARIANTS[name][1]) if name in VARIANTS else 1)]
MAY_BE = {
    "decision.conformal.rank.conformal_quantile": "inf",  # too few samples to promise anything
    "metrics.average_precision.average_precision": "nan",  # of a class without a sample
}
"""What is no finite number and is said to be returned."""


def made(name: str, place: int, case: Case) -> Call:
    call = call_of(name, case)
    if name not in VARIANTS:
        return call
    argument, family = VARIANTS[name]
    return Call(call.function, {**call.arguments, argument: family[place]})


def examples_of(name: str, most: int) -> settings:
    return settings(SETTINGS, max_examples=min(most, OF_SLOW_ONES) if name.startswith(SLOW) else most)


def test_every_public_function_is_called_or_said_to_be_inside():
    inside = [name for names in INSIDE.values() for name in names]
    assert len(set(inside)) == len(inside) and set(inside) <= functions().keys()
    assert len(functions()) >= 177 and len(CHECKED) >= 113 and len(PAIRS) >= 139
    assert len(RULES) == len(get_args(Swept)) + 1 and len(SCORES) == len(get_args(AnyScore))
    assert (
        sum("probabilities" in name and "calibrators" in name for name in CHECKED) == len(get_args(AnyCalibrator)) - 1
    )


@pytest.mark.parametrize(("name", "place"), PAIRS)
def test_odd_samples_give_finite_figures(name, place):
    returned: list[bool] = []

    @examples_of(name, EXAMPLES)
    @given(case=cases())
    def tried(case):
        call = made(name, place, case)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                found = call()
            except InputError as refused:
                found = refused
        returned.append(not isinstance(found, InputError))
        if isinstance(found, InputError):
            assert "\n" not in str(found)
        else:
            assert {str(number) for number in numbers_of(found) if not math.isfinite(number)} <= {MAY_BE.get(name)}

    tried()
    assert any(returned)  # it does not refuse whatever it is given


@pytest.mark.parametrize(("name", "place"), PAIRS)
def test_a_number_that_is_none_is_refused(name, place):
    @examples_of(name, EXAMPLES // 2)
    @given(case=cases(), number=st.sampled_from((np.nan, np.inf, -np.inf)), at=st.integers(0, 1000))
    def tried(case, number, at):
        call = made(name, place, case)
        for argument in call.floats:
            with pytest.raises(InputError) as refused:
                call.spoilt(argument, number, at)()
            assert "\n" not in str(refused.value)
            assert str(number) in str(refused.value)

    tried()


def test_the_place_of_the_number_is_told():
    logits = np.zeros((3, 2))
    logits[2, 1] = -np.inf
    with pytest.raises(InputError, match="^sample 2, class 1: logits of -inf; expected finite numbers$"):
        refuse_not_finite(truth=np.zeros(3), logits=logits)
    with pytest.raises(InputError, match="^look 0, sample 2, class 1: views of -inf"):
        refuse_not_finite(views=logits[None])
    refuse_not_finite(great=np.array([3e38, 3e38, -3e38], np.float32), greater=np.array([1.7e308, 1.7e308]))


def test_an_answer_whose_sureness_is_no_number_is_withheld():
    found = Abstention(0.0, 0.1, None, 1.0).withheld(np.array([np.nan, -np.inf, 0.0, np.inf]))
    assert found.tolist() == [True, True, False, False]


def numbers_of(found: object):
    """All floating-point numbers in what a function returned."""
    if isinstance(found, float | np.floating):
        yield float(found)
    elif isinstance(found, np.ndarray):
        yield from found.astype(float).ravel().tolist() if found.dtype.kind == "f" else ()
    elif is_dataclass(found):
        for field in fields(found):
            yield from numbers_of(getattr(found, field.name))
    elif isinstance(found, dict):
        yield from (number for value in found.values() for number in numbers_of(value))
    elif isinstance(found, tuple | list):
        yield from (number for value in found for number in numbers_of(value))
