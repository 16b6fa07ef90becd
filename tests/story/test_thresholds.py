"""Thresholds from recipe to answer: in a run, decided anew, over folds and views, in ensembles and soups, by task."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.pictures import KINDS, folder_per_class, picture, shapes_and_colours

import sfumato
from sfumato.cli import main
from sfumato.data.images import decode
from sfumato.errors import InputError
from sfumato.run_folder import RunFolder

RECIPE = """
name: gate
data: {source: maps, split: {val: 0.3, test: 0.3}}
model: {backbone: test_efficientnet, weights: none}
train: {epochs: 5, optimizer: {lr: 5e-3}, precision: fp32, workers: 0}
timeline:
  - {at: 0ep, image_size: 32, batch_size: 16}
decision: {thresholds: {rule: f_beta}}
"""
EER = {"decision.thresholds.rule": "equal_error"}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("gate")
    folder_per_class(root / "maps", {"other": 150, "chart": 60})
    (root / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    return root / "recipe.yaml"


@pytest.fixture(scope="module")
def run(recipe) -> sfumato.Run:
    return sfumato.train(recipe, out=recipe.parent / "run", quiet=True)


@pytest.fixture(scope="module")
def other(recipe) -> sfumato.Run:
    return sfumato.train(recipe, overrides={"train.seed": 1}, out=recipe.parent / "other", quiet=True)


def pictures(run: sfumato.Run) -> list[str]:
    table = RunFolder(run.folder).read_table().part("test")
    return [str(image) for image in table.first_images]


def written(folder: Path, name: str = "thresholds.json"):
    return json.loads((folder / name).read_text(encoding="utf-8"))


def typed(arguments, capsys) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr("sys.argv", ["sfumato", *map(str, arguments)])
        main()
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


def answers_follow(folder: Path, paths: list[str]) -> None:
    """What a bundle answers is what its thresholds.json says of its probabilities."""
    document, model = written(folder), sfumato.load(folder)
    for decision in model.predict(paths):
        if document["below"] is None:
            label, p = next(iter(decision.probabilities.items()))
            assert decision.label == (label if p >= document["classes"][label]["threshold"] else None)
            assert decision.abstained == (decision.label is None)
        else:
            ((name, row),) = document["classes"].items()
            named = decision.probabilities[name] >= row["threshold"]
            assert decision.label == (name if named else document["below"]) and not decision.abstained
            assert decision.confidence == decision.probabilities[decision.label]


def test_a_run_answers_by_its_thresholds_and_says_which(run):
    document = written(run.folder)
    assert document == written(run.bundle) and document["below"] == "other" and list(document["classes"]) == ["chart"]
    model = sfumato.load(run.bundle)
    assert document["classes"]["chart"]["threshold"] == model.policy.thresholds.fitted.values[0]
    answers_follow(run.bundle, pictures(run))
    verdicts = model.policy.apply(run.predictions["test"].logits)
    said = (verdicts.predicted == run.predictions["test"].truth).mean()
    assert run.metrics["test"]["scores"]["accuracy"]["value"] == pytest.approx(said)
    notes = RunFolder(run.folder).read_environment()["notes"]
    assert [
        note for note in notes if note.startswith("decision.thresholds.positive: 'chart', the rarer in training, 2")
    ]


def test_deciding_anew_by_another_rule(run, tmp_path, capsys):
    arguments = ["decide", run.folder, "--set", "decision.thresholds.rule=equal_error", "--out", tmp_path / "new"]
    code, out, err = typed(arguments, capsys)
    assert code == 0 and "before   after" in out
    assert "decision.thresholds: 'chart' from 0." in err and "as many missed as falsely named on 63 val" in err
    document = written(tmp_path / "new")
    assert document["rule"] == {"kind": "equal_error"} and document == written(tmp_path / "new/bundle")
    answers_follow(tmp_path / "new/bundle", pictures(run))
    page = (tmp_path / "new/report.html").read_text(encoding="utf-8")
    assert "<h3>Thresholds" in page and "as many missed as falsely named on 63 val" in page  # among what was chosen
    none = sfumato.decide(run.folder, overrides={"decision.thresholds": None}, out=tmp_path / "none", quiet=True)
    assert not (none.folder / "thresholds.json").exists() and not (none.bundle / "thresholds.json").exists()
    assert sfumato.load(none.bundle).policy.thresholds is None


@pytest.mark.slow
def test_folds_and_views_are_averaged_before_the_threshold(recipe, run, tmp_path):
    overrides = {"views": {"flips": ["horizontal"], "use": "always"}, "train.epochs": 2, "data.split.test": 0.2}
    done = sfumato.crossval(recipe, overrides=overrides, folds=2, out=tmp_path / "cv", quiet=True)
    whole = written(done.folder)
    assert whole == written(done.bundle) and whole["samples"] == len(done.predictions["oof"])
    assert [written(fold.folder)["samples"] for fold in done.folds] == [84, 84]
    answers_follow(done.bundle, pictures(run))
    again = sfumato.decide(done.folder, overrides=EER, out=tmp_path / "again", quiet=True)
    assert written(again.folder)["rule"]["kind"] == written(again.folds[1].folder)["rule"]["kind"] == "equal_error"


@pytest.mark.slow
def test_an_ensemble_answers_by_the_rule_of_its_members(run, other, tmp_path):
    done = sfumato.ensemble([run.folder, other.folder], kind="weighted", out=tmp_path / "e", quiet=True)
    document = written(done.folder)
    assert document == written(done.bundle) and document["rule"]["kind"] == "f_beta" and document["below"] == "other"
    answers_follow(done.bundle, pictures(run))
    table, policy = done.predictions["val"], sfumato.load(done.bundle).policy
    named = policy.probabilities(table.logits)[:, 0] >= document["classes"]["chart"]["threshold"]
    assert np.array_equal(policy.apply(table.logits).predicted == 0, named)
    each = [one.metrics["test"]["scores"]["accuracy"]["value"] for one in (run, other)]
    assert done.summary.test.members == pytest.approx(each)  # by their own thresholds
    nested = sfumato.ensemble([done.folder, other.folder], out=tmp_path / "n", quiet=True)
    assert written(nested.folder)["rule"]["kind"] == "f_beta"


def test_members_that_answer_otherwise_or_have_no_table_are_refused(run, other, tmp_path):
    decided = sfumato.decide(other.folder, overrides=EER, out=tmp_path / "d", quiet=True)
    with pytest.raises(
        InputError, match="as many missed as falsely named of 'chart', and of .* greatest F1 of 'chart'"
    ):
        sfumato.ensemble([run.folder, decided.folder], out=tmp_path / "e", quiet=True)
    bare = shutil.copytree(run.bundle, tmp_path / "bare")
    with pytest.raises(InputError, match="no predictions table beside it, which thresholds"):
        sfumato.ensemble([other.folder, bare], out=tmp_path / "e", quiet=True)
    assert not (tmp_path / "e").exists()


def test_a_soup_has_thresholds_of_its_own(run, other, tmp_path):
    done = sfumato.soup([run.folder, other.folder], out=tmp_path / "s", quiet=True)
    assert written(done.folder) == written(done.bundle)
    answers_follow(done.bundle, pictures(run))


def test_of_more_classes_answers_are_withheld(small_run, tmp_path):
    asked = {
        "decision.abstain": None,
        "decision.thresholds": {"rule": {"kind": "precision_floor", "floor": 0.9}, "shrinkage": 0},
    }
    done = sfumato.decide(small_run.folder, overrides=asked, out=tmp_path / "new", quiet=True)
    assert written(done.bundle)["below"] is None and len(written(done.bundle)["classes"]) == 3
    answers_follow(done.bundle, pictures(done))
    assert done.metrics["test"]["scores"]["coverage"]["value"] < 1
    found = sfumato.evaluate(done.bundle, small_run.folder.parent / "photos", out=tmp_path / "e", quiet=True)
    with found.decisions.open(encoding="utf-8", newline="") as file:
        withheld = [row["abstained"] == "true" for row in csv.DictReader(file)]
    assert any(withheld) and found.metrics["evaluated"]["scores"]["coverage"]["value"] == pytest.approx(
        1 - np.mean(withheld)
    )


def test_every_task_has_its_own(tmp_path):
    shapes_and_colours(tmp_path, 140)
    settings = {
        "data": {"source": str(tmp_path / "table.csv"), "columns": {"label": ["shape", "colour"]}},
        "model": {"backbone": "test_efficientnet", "weights": "none"},
        "train": {"epochs": 1, "precision": "fp32", "workers": 0},
        "timeline": [{"at": "0ep", "image_size": 32, "batch_size": 16}],
        "decision": {"thresholds": {"rule": {"kind": "recall_floor", "floor": 0.8}}},
    }
    run = sfumato.train(settings, out=tmp_path / "run", quiet=True)
    model = sfumato.load(run.bundle)
    for task in ("shape", "colour"):
        document = written(run.folder, f"thresholds.{task}.json")
        assert document == written(run.bundle, f"thresholds.{task}.json")
        for decision in model.predict(pictures(run)[:5]):
            answer = decision.answers[task]
            label, p = next(iter(answer.probabilities.items()))
            assert answer.label == (label if p >= document["classes"][label]["threshold"] else None)
    assert not (run.folder / "thresholds.json").exists()


def test_a_bundle_that_was_made_for_other_frequencies_says_so(run, tmp_path, capsys):
    for name, count, kind in (("other", 12, KINDS[0]), ("chart", 48, KINDS[1])):
        (tmp_path / "maps" / name).mkdir(parents=True)
        for i in range(count):
            picture(kind, 50_000 + i).save(tmp_path / "maps" / name / f"{i}.png")
    code, _, err = typed(["evaluate", run.bundle, tmp_path / "maps", "--out", tmp_path / "e"], capsys)
    assert code == 0 and "warning: the classes are not as frequent here as the bundle takes them to be" in err
    found = json.loads((tmp_path / "e/metrics.json").read_text())["about"]["frequencies"]["evaluated"]
    assert found["p"] < 0.05 and found["classes"]["chart"]["predicted"] > 0.45
    assert "not as frequent here" in (tmp_path / "e/report.html").read_text(encoding="utf-8")
    command = err.partition("--set '")[2].partition("'")[0]
    code, _, said = typed(["decide", run.folder, "--set", command, "--out", tmp_path / "for-them"], capsys)
    assert code == 0 and "decision.thresholds: 'chart' from" in said
    pixels = [decode(path) for path in pictures(run)]
    before, after = (
        model.policy.apply(model.logits(pixels)).probabilities[:, 0].mean()
        for model in map(sfumato.load, (run.bundle, tmp_path / "for-them"))
    )
    assert after > before
    same = sfumato.evaluate(run.bundle, run.folder.parent / "maps", out=tmp_path / "same", quiet=True)
    assert same.metrics["about"]["frequencies"] == {}


def test_what_thresholds_can_not_do_is_refused_before_anything_is_written(recipe, small_recipe, tmp_path):
    cases = [
        (recipe, {"decision.thresholds.positive": "charts"}, "did you mean 'chart'?"),
        (recipe, {"decision.thresholds.shrinkage": 3.0}, "of two classes one has a threshold"),
        (small_recipe, {"decision.abstain": None, "decision.thresholds.rule": "youden"}, "of 3 classes a threshold"),
        (small_recipe, {"decision.thresholds.rule": "f_beta"}, "nothing would say which did"),
    ]
    for source, overrides, said in cases:
        with pytest.raises(InputError) as caught:
            sfumato.train(source, overrides=overrides, out=tmp_path / "run", quiet=True)
        assert said in str(caught.value) and "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
