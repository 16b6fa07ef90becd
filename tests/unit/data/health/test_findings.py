"""Findings from facts that were made up: limits, medians, pairs, groups, names, counts."""

import polars as pl
import pytest

from sfumato.data.health.classes import class_counts, class_findings, plain_name
from sfumato.data.health.copies import copy_findings
from sfumato.data.health.facts import Facts, Header, Look, facts_frame
from sfumato.data.health.files import file_findings
from sfumato.data.health.findings import most_severe_first, pictures_with_facts
from sfumato.data.health.looks import look_findings
from sfumato.data.table import Table, Task, make_table
from sfumato.labels import LabelSpace

GOOD = {"lightest": 0.9, "darkest": 0.1, "information": 7.0, "sharpness": 800.0}


def table_of(columns: dict[str, list], many: bool = False) -> Table:
    """A table with one picture a sample; `label` and any `label.NAME` are its questions."""
    frame = pl.DataFrame(columns).with_columns(images=pl.concat_list("image"))
    names = {name: frame[name].explode() if many else frame[name] for name in frame.columns if name.startswith("label")}
    tasks = (Task(name, LabelSpace(tuple(sorted(set(values.drop_nulls())))), many) for name, values in names.items())
    return make_table(frame, tuple(tasks), "here")


def pictures(looks: list[dict], header: dict | None = None, **columns: list) -> pl.DataFrame:
    """One sample a look, named s0, s1 ..., of classes a and b in turn."""
    n = len(looks)
    names = [f"s{i}" for i in range(n)]
    rows = {
        "id": names,
        "image": names,
        "label": columns.pop("label", ["a" if i % 2 else "b" for i in range(n)]),
        **columns,
    }
    shape = {"format": "PNG", "width": 100, "height": 80, "mode": "RGB", "bits": 8, **(header or {})}
    facts = [
        Facts(name, 1, 1, header=Header(**shape), look=Look(**{**GOOD, **look}))
        for name, look in zip(names, looks, strict=True)
    ]
    return pictures_with_facts(table_of(rows), facts_frame(facts))


def named(findings) -> dict[str, list[str]]:
    return {found.code: found.samples["id"].to_list() for found in findings}


@pytest.mark.parametrize(
    ("look", "code"),
    [
        ({"lightest": 0.3}, "dark"),
        ({"darkest": 0.97}, "bright"),
        ({"information": 2.0}, "uninformative"),
        ({"sharpness": 30.0}, "blurry"),
    ],
)
def test_a_look_is_named_only_where_it_is_unusual(look, code):
    assert named(look_findings(pictures([{}] * 9 + [look]))) == {code: ["s9"]}
    assert named(look_findings(pictures([look] * 10))) == {}


def test_worst_first_and_what_is_empty_is_not_blurred():
    looks = [{}] * 8 + [
        {"sharpness": 60.0},
        {"sharpness": 20.0},
        {"sharpness": 0.0, "information": 0.0, "lightest": 0.0},
    ]
    assert named(look_findings(pictures(looks))) == {"dark": ["s10"], "uninformative": ["s10"], "blurry": ["s9", "s8"]}


def test_black_is_dark_whatever_the_others_are():
    assert named(look_findings(pictures([{"lightest": 0.0}] * 4)))["dark"] == ["s0", "s1", "s2", "s3"]


def test_small_pictures_among_small_ones_are_no_finding():
    assert named(file_findings(pictures([{}] * 4, {"width": 28, "height": 28}))) == {}
    assert named(file_findings(pictures([{}] * 4, {"width": 15, "height": 28}))) == {"tiny": ["s0", "s1", "s2", "s3"]}


def test_panoramas_among_panoramas_are_no_finding():
    assert named(file_findings(pictures([{}] * 4, {"width": 500, "height": 100}))) == {}


def test_nothing_usable_is_no_failure():
    facts = facts_frame([Facts(name, None, None, "missing", "no such file") for name in ("s0", "s1")])
    table = table_of({"id": ["s0", "s1"], "image": ["s0", "s1"], "label": ["a", "b"]})
    rows = pictures_with_facts(table, facts)
    assert named(file_findings(rows)) == {"missing": ["s0", "s1"]}
    assert look_findings(rows) == []
    assert named(class_findings(table, rows)) == {"rare-class": ["s0", "s1"]}


PAIRS = pl.DataFrame(
    {
        "a": ["s0", "s1", "s2"],
        "b": ["s1", "s3", "s4"],
        "kind": ["near", "exact", "near"],
        "similarity": [0.5, 1.0, 0.999],
    }
)


def test_pairs_by_class_and_part():
    parts = ["train", "train", "train", "test", "test", "val"]
    found = copy_findings(pictures([{}] * 6, part=parts), PAIRS)
    assert named(found) == {
        "conflicting-labels": ["s0"],
        "leak-duplicates": ["s1", "s2"],
        "exact-duplicate": ["s1"],
        "near-duplicate": ["s2", "s0"],
    }
    details = {one.code: one.samples["detail"].to_list() for one in found}
    assert details["leak-duplicates"] == ["train and test, the same pixels", "train and test, 99 % alike"]
    assert details["conflicting-labels"] == ["b and a"]


def test_parts_that_are_not_given_cannot_leak():
    assert "leak-duplicates" not in named(copy_findings(pictures([{}] * 6), PAIRS))


def test_groups_across_parts():
    rows = pictures([{}] * 4, part=["train", "val", "test", "test"], group=["p", "p", "q", None])
    assert named(copy_findings(rows, PAIRS.clear())) == {"leak-groups": ["s0", "s1"]}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Disc", "disc ", True),
        ("ＡＢＣ", "abc", True),
        ("dog house", "Dog_House", True),
        ("type-1", "type1", True),
        ("zero\u200bwidth", "zerowidth", True),
        ("1-1", "11", False),
        ("1-1", "1 1", True),
        ("气压场", "风场", False),
        ("Straße", "STRASSE", True),
    ],
)
def test_names_that_may_be_one(one, other, same):
    assert (plain_name(one) == plain_name(other)) is same


def test_rare_classes_and_the_tail():
    labels = ["a"] * 50 + ["b"] * 8 + ["c"] * 5 + ["d"] * 4
    table = table_of({"id": [f"s{i}" for i in range(67)], "image": [f"s{i}" for i in range(67)], "label": labels})
    found = class_findings(table, pictures([{}] * 67, label=labels))
    details = {one.code: one.samples["detail"].to_list() for one in found}
    assert details == {"rare-class": ["d: 4"], "tail": ["d: 4"]}
    assert "12 times" in next(one for one in found if one.code == "tail").summary


def test_most_severe_first():
    rows = pictures(
        [{}] * 9 + [{"lightest": 0.3}], {"frames": 2, "orientation": 3}, part=["train"] * 9 + ["test"], group=["g"] * 10
    )
    found = most_severe_first([*file_findings(rows), *look_findings(rows), *copy_findings(rows, PAIRS.clear())])
    assert [one.code for one in found] == ["leak-groups", "dark", "animated", "rotated"]


def test_several_questions_and_several_answers():
    columns = {"id": ["s0", "s1", "s2"], "image": ["s0", "s1", "s2"]}
    two = table_of({**columns, "label.crop": ["rye", "oat", "rye"], "label.ill": ["yes", "no", None]})
    shown = pictures_with_facts(two, facts_frame([Facts(name, 1, 1) for name in columns["image"]]))
    assert shown["label"].to_list() == ["crop: rye + ill: yes", "crop: oat + ill: no", "crop: rye"]
    counts = class_counts(two, shown).select("label", "count").rows()
    assert counts == [("crop: oat", 1), ("ill: no", 1), ("ill: yes", 1), ("crop: rye", 2)]
    many = table_of({**columns, "label": [["a", "b"], ["b"], []]}, many=True)
    shown = pictures_with_facts(many, facts_frame([Facts(name, 1, 1) for name in columns["image"]]))
    assert shown["label"].to_list() == ["a + b", "b", "none of them"]
    assert class_counts(many, shown).select("label", "count").rows() == [("a", 1), ("b", 2)]


def test_samples_with_no_picture_and_with_several():
    frame = pl.DataFrame({"id": ["s0", "s1"], "images": [[], ["x", "y"]], "label": ["a", "b"]})
    table = make_table(frame, (Task("label", LabelSpace(("a", "b"))),), "here")
    facts = facts_frame([Facts("x", 1, 1), Facts("y", None, None, "missing", "no such file")])
    rows = pictures_with_facts(table, facts)
    assert rows.select("id", "image", "place", "code").rows() == [
        ("s0", None, 0, "no-picture"), ("s1", "x", 0, None), ("s1", "y", 1, "missing"),
    ]  # fmt: skip
    assert named(file_findings(rows)) == {"no-picture": ["s0"], "missing": ["s1"]}
    assert class_counts(table, rows)["count"].to_list() == [0, 1]
