"""A recipe that asks for all that decisions can be: what a bundle says of pictures is its policy on the table."""

import csv
import io
import json
import subprocess
import sys

import pytest

import sfumato
from sfumato.run_folder import RunFolder

ASKED = {
    "decision.calibration": "class_temperature",
    "decision.abstain": {"coverage": 0.8, "by": "margin"},
    "decision.sets": {"alpha": 0.2, "score": {"kind": "aps"}},
    "decision.costs": {"disc": {"checks": 5.0}},
}


@pytest.fixture(scope="module")
def run(small_recipe, tmp_path_factory) -> sfumato.Run:
    return sfumato.train(small_recipe, overrides=ASKED, out=tmp_path_factory.mktemp("policy") / "run", quiet=True)


@pytest.fixture(scope="module")
def pictures(run) -> list[str]:
    table = RunFolder(run.folder).read_table()
    places = dict(zip(table.ids, table.first_images, strict=True))
    return [str(places[name]) for name in run.predictions["test"].ids]


def test_a_bundle_says_what_its_policy_says(run, pictures):
    model, said = sfumato.load(run.bundle), run.predictions["test"]
    verdicts, names = model.policy.apply(said.logits), said.labels.names
    assert verdicts.sets is not None
    for place, decision in enumerate(model.predict(pictures)):
        assert decision.abstained == verdicts.abstained[place]
        assert decision.label == (None if decision.abstained else names[verdicts.predicted[place]])
        assert decision.set is not None
        assert set(decision.set) == {name for name, there in zip(names, verdicts.sets[place], strict=True) if there}


def test_every_form_has_the_set(run, pictures, tmp_path):
    shown = [*pictures[:3], str(tmp_path / "nowhere.png")]
    found = sfumato.load(run.bundle).predict(shown)
    done = subprocess.run(
        [sys.executable, "-m", "sfumato", "predict", str(run.bundle), *shown],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [tuple(json.loads(row["set"])) if row["set"] else None for row in rows] == [one.set for one in found]
    assert found[-1].set is None


def test_results_say_what_was_measured_of_it(run):
    scores = run.metrics["test"]["scores"]
    assert {"set_coverage", "set_size", "aurc", "nll", "nll_before", "nll_change", "classwise_ece"} <= scores.keys()
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "It names sets" in page
    assert "AURC" in page
