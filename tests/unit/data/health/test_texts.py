"""Findings about texts, from tables that were made up."""

import polars as pl
import pytest
from tests.unit.data.health.test_findings import named, table_of

from sfumato.data.addresses import outside
from sfumato.data.health.texts import text_findings
from sfumato.data.table import Table


def texts(said: list[str | None], labels: list, many: bool = False) -> Table:
    names = [f"s{i}" for i in range(len(said))]
    rows = {"id": names, "image": names, "label": labels, "text": pl.Series(said, dtype=pl.String)}
    return table_of(rows, many)


GOOD = ["a red cup", "wool", "ein Topf", "青い鍋 3", "very nice"]


def test_tables_without_texts_have_no_finding_about_them():
    assert text_findings(texts([None] * 6, ["a", "b"] * 3)) == []
    assert named(text_findings(texts([*GOOD, "fine"], ["a", "b"] * 3))) == {}


@pytest.mark.parametrize("text", ["1234", "19.99 €", "nan", "NULL", "N/A - 3", "None none", "--", "\\N"])
def test_numbers_and_words_for_nothing_are_named(text):
    assert named(text_findings(texts([*GOOD, text], ["a", "b"] * 3))) == {"text-of-numbers": ["s5"]}


@pytest.mark.parametrize("text", ["😀", "３ｋｇ", "m²", "nano", "null and void", "№ 5 cup"])
def test_letters_and_pictograms_are_no_numbers(text):
    assert named(text_findings(texts([*GOOD, text], ["a", "b"] * 3))) == {}


def test_a_text_that_is_not_there_is_named_where_others_are():
    assert named(text_findings(texts([*GOOD, ""], ["a", "b"] * 3))) == {"no-text": ["s5"]}
    assert named(text_findings(texts([*GOOD, None], ["a", "b"] * 3))) == {"no-text": ["s5"]}


def test_the_longest_come_first():
    said = [*GOOD, "a " * 5_001, "a " * 6_000, "a " * 5_000]
    assert named(text_findings(texts(said, ["a", "b"] * 4))) == {"long-text": ["s6", "s5"]}


def test_one_text_under_several_classes_is_one_sample():
    found = text_findings(texts([*GOOD, *["ask us"] * 5], ["x", "y"] * 5))
    assert named(found) == {"repeated-text": ["s5"]}
    assert found[0].samples["detail"].to_list() == ["'ask us' in 5 samples of 2 classes"]
    assert named(text_findings(texts([*GOOD, *["ask us"] * 5], ["x", "y", "x", "y", "x", *["y"] * 5]))) == {}


def test_a_class_is_found_in_its_text_as_a_word_of_its_own():
    labels = ["cup", "(pot)", "红", "cup", "(pot)", "cup"]
    said = ["A CUP, red", "one (pot)", "一个红色的", "cupboard", "pot", "my cup"]
    found = text_findings(texts(said, labels))
    assert named(found) == {"text-names-class": ["s0", "s1", "s2", "s5"]}
    assert found[0].samples["detail"].to_list() == ["'cup'", "'(pot)'", "'红'", "'cup'"]


def test_of_several_classes_one_that_stands_there_is_enough():
    labels = [["cup", "pot"], ["pot"], [], ["cup"], ["cup", "pot"], None]
    said = ["a pot", "a pot", "a pot", "a pot", "cup and pot", "cup"]
    assert named(text_findings(texts(said, labels, many=True)))["text-names-class"] == ["s0", "s1", "s4"]


def test_two_letters_stand_in_many_texts_by_chance():
    assert named(text_findings(texts(["to be", "is it", "to do"] * 2, ["to", "is"] * 3))) == {}


def test_what_lies_outside_is_told_by_its_address(tmp_path):
    inside = [f"{tmp_path}/a.png", f"{tmp_path}/a/../b.png", f"{tmp_path}/..png"]
    away = [f"{tmp_path}/../a.png", "/etc/passwd", f"{tmp_path}x/a.png", f"{tmp_path}/a/../../b.png"]
    assert outside([*inside, *away], tmp_path) == away
