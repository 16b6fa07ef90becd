import pytest

from sfumato.report import wording
from sfumato.short import short


@pytest.mark.parametrize(
    ("value", "text"), [(0.0012, "1.2e-3"), (0.001, "1e-3"), (0.05, "0.05"), (0.0, "0"), (3.5e-10, "3.5e-10")]
)
def test_a_learning_rate_is_short(value, text):
    assert wording.rate(value) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0"), (999, "999"), (11_176_512, "11.2M"), (31_293, "31.3k")])
def test_a_count_is_cut_to_three_digits(number, text):
    assert short(number) == text


def test_a_noun_follows_its_count():
    assert wording.many(1, "class") == "1 class"
    assert wording.many(1200, "class") == "1,200 classes"
    assert wording.many(0, "image") == "0 images"


def test_a_value_has_its_unit():
    assert wording.value_text("image_size", 96) == "96 px"
    assert wording.value_text("ema_decay", 0.9999) == "0.9999"
    assert wording.value_text("mixup_alpha", 0) == "off"
