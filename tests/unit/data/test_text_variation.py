"""Element words: written, read again, and said in other ways while training."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfumato.data.text_variation import TextVariationSpec, varied
from sfumato.element_words import Element, find, refuse_name, written

NAMES = st.lists(st.builds(Element, st.sampled_from(["风", "气压", "降水", "wind"]), st.booleans()), max_size=4)


@given(NAMES, st.sampled_from(["", "24小时预报", "a title"]))
def test_elements_are_read_as_they_were_written(elements, rest):
    found = find(f"{rest}{written(elements)}{rest}")
    assert found == (elements, rest, rest)


def test_a_doubtful_element_is_marked_and_nothing_is_said_to_be_uncertain():
    assert written([Element("风", True), Element("气压", False)]) == "【风、气压（不确定）】"
    assert written([]) == "【不确定】"
    assert find("a title") is None
    assert refuse_name("风、雨") == "holds 、, which stands between elements"
    assert refuse_name("wind (10 m)") is None


def several(text: str, spec: TextVariationSpec, strength: float = 1.0, count: int = 400) -> list[str]:
    return [varied(text, spec, strength, np.random.default_rng(i)) for i in range(count)]


def test_each_element_is_left_out_as_often_as_asked():
    said = several("【a、b、c】 title", TextVariationSpec(drop=0.2, shuffle=False), count=2000)
    for name in "abc":
        share = np.mean([name in {one.name for one in find(text)[0]} for text in said])
        assert share == pytest.approx(0.8, abs=0.04)
    assert all(text.endswith("】 title") for text in said)
    half = several("【a、b、c】", TextVariationSpec(drop=0.2, shuffle=False), strength=0.5, count=2000)
    assert np.mean(["a" in text for text in half]) == pytest.approx(0.9, abs=0.03)


def test_every_order_is_met():
    assert set(several("【a、b】", TextVariationSpec(drop=0))) == {"【a、b】", "【b、a】"}


@pytest.mark.parametrize("form", ["24小时", "24h", "24-hr", "24 hours"])
def test_hours_are_met_in_every_form(form):
    spec = TextVariationSpec(drop=0, shuffle=False)
    assert set(several(f"全国{form}降水", spec)) == {"全国24小时降水", "全国24h降水", "全国24-hr降水"}
    assert several("850hPa", spec)[0] == "850hPa"
    assert set(several(f"{form} a", TextVariationSpec(drop=0, hours=False))) == {f"{form} a"}


def test_without_strength_nothing_happens():
    assert set(several("【a、b】 24h", TextVariationSpec(drop=0.9), strength=0)) == {"【a、b】 24h"}
