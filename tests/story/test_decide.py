"""A finished run decides anew: as if its recipe had had these settings from the start, and the run itself untouched."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

import sfumato
from sfumato.cli import main
from sfumato.decided import measure_decisions
from sfumato.decision.policies import read_policies
from sfumato.decision.view_policy import fit_view_policy
from sfumato.errors import InputError
from sfumato.folds.folder import CrossvalFolder
from sfumato.predictions import Predictions
from sfumato.recipe.load import load_recipe
from sfumato.report.page import write_report
from sfumato.run_folder import RunFolder

ASKED = {"decision.abstain": None, "decision.logit_adjustment": {"objective": "macro_f1"}}


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def views_run(small_recipe, tmp_path_factory) -> Path:
    overrides = {"views": {"flips": ["horizontal"], "use": "always"}}
    out = tmp_path_factory.mktemp("views") / "run"
    return sfumato.train(small_recipe, overrides=overrides, out=out, quiet=True).folder


@pytest.fixture(scope="module")
def folds(small_recipe, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("folds") / "cv"
    return sfumato.crossval(small_recipe, folds=2, out=out, quiet=True).folder


def test_it_is_the_run_with_another_policy(small_run, tmp_path):
    before = digests(small_run.folder)
    done = sfumato.decide(small_run.folder, overrides=ASKED, out=tmp_path / "new", quiet=True)
    assert digests(small_run.folder) == before
    recipe = load_recipe(done.folder / "recipe.yaml").recipe
    assert recipe.decision.abstain is None and recipe.decision.logit_adjustment.objective == "macro_f1"
    table = RunFolder(small_run.folder).read_table()
    policy = read_policies(done.bundle / "policy.json", table.layout)[""]
    val, trained = small_run.predictions["val"], table.part("train").class_counts
    assert policy == fit_view_policy({"plain": val}, recipe.decision, trained)
    assert done.metrics["test"] == json.loads(
        json.dumps(measure_decisions(small_run.predictions["test"], policy, trained).to_dict())
    )
    for name in ("weights.safetensors", "model.json", "transform.json", "labels.yaml", "samples/expected.json"):
        assert (done.bundle / name).read_bytes() == (small_run.bundle / name).read_bytes()


def test_the_new_folder_is_a_run_that_every_verb_takes(small_run, small_recipe, tmp_path):
    done = sfumato.decide(small_run.folder, overrides=ASKED, out=tmp_path / "new", quiet=True)
    assert "fitted anew from run" in write_report(RunFolder(done.folder)).read_text(encoding="utf-8")
    picture = next((small_recipe.parent / "photos").rglob("*.png"))
    assert sfumato.load(done.folder).predict([picture])[0].label is not None
    again = sfumato.decide(done.folder, out=tmp_path / "again", quiet=True)  # with the same settings: the same
    assert again.metrics == done.metrics
    assert (again.bundle / "policy.json").read_bytes() == (done.bundle / "policy.json").read_bytes()


@pytest.mark.slow
def test_several_views_are_averaged_under_the_new_policy(views_run, tmp_path):
    done = sfumato.decide(views_run, overrides={"decision.calibration": "none"}, out=tmp_path / "new", quiet=True)
    former, now = (Predictions.read(RunFolder(one).predictions("test")) for one in (views_run, done.folder))
    assert now.ids == former.ids
    plain = sfumato.train(load_recipe(done.folder / "recipe.yaml").recipe, out=tmp_path / "trained", quiet=True)
    np.testing.assert_allclose(
        now.logits, plain.predictions["test"].logits, atol=1e-4
    )  # as if it had been from the start
    assert done.metrics["test"]["scores"]["accuracy"] == plain.metrics["test"]["scores"]["accuracy"]
    assert sfumato.load(done.bundle).policy == sfumato.load(plain.bundle).policy


def test_a_cross_validation_decides_anew_in_every_fold_and_over_all(folds, tmp_path):
    before = digests(folds)
    done = sfumato.decide(folds, overrides=ASKED, out=tmp_path / "new", quiet=True)
    assert digests(folds) == before
    oof = done.predictions["oof"]
    assert oof.ids == Predictions.read(CrossvalFolder(folds).predictions("oof")).ids
    assert sfumato.load(done.bundle).policy.abstention is None
    assert sfumato.load(done.bundle).policy.adjustment is not None
    assert [fold.bundle.exists() for fold in done.folds] == [True, True]
    assert "coverage" not in done.summary.results["out_of_fold"]["scores"]


def typed(arguments, capsys):
    """Exit code, stdout and stderr of a command."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr("sys.argv", ["sfumato", *map(str, arguments)])
        main()
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


def test_the_verb_shows_what_changed(small_run, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = typed(["decide", small_run.folder, "--set", "decision.abstain=null", "--quiet"], capsys)
    assert code == 0
    assert "before   after" in out and "bundle  runs/run-decided/bundle" in out
    code, out, _ = typed(["decide", small_run.folder, "--json", "--quiet"], capsys)
    assert json.loads(out)["folder"] == "runs/run-decided-2"
    assert json.loads(out)["before"] == json.loads(out)["metrics"]


WRONG = {
    "another setting": (
        {"train.epochs": 2},
        "train.epochs: the weights are trained already; expected a setting of the decision",
    ),
    "an unknown one": ({"decision.abstain.max_eror": 0.1}, "did you mean 'max_error'?"),
    "out of range": ({"decision.abstain.max_error": 2}, "decision.abstain.max_error"),
}


@pytest.mark.parametrize("case", WRONG, ids=str)
def test_wrong_settings_are_refused_and_nothing_is_written(case, small_run, tmp_path):
    settings, said = WRONG[case]
    with pytest.raises(InputError) as error:
        sfumato.decide(small_run.folder, overrides=settings, out=tmp_path / "new", quiet=True)
    assert said in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "new").exists()


def test_other_folders_are_refused(small_run, tmp_path):
    with pytest.raises(InputError, match="no run there"):
        sfumato.decide(tmp_path, quiet=True)
    (tmp_path / "ensemble.json").write_text("{}")
    with pytest.raises(InputError, match="an ensemble; expected the folder of a run or cross-validation"):
        sfumato.decide(tmp_path, quiet=True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(InputError, match="holds something already"):
        sfumato.decide(small_run.folder, out=tmp_path / "full", quiet=True)
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["x"]


def test_a_second_correction_of_class_frequency_is_refused(small_recipe, tmp_path):
    balanced = {
        "timeline": [{"at": "0ep", "image_size": 32, "batch_size": 16, "sampler_power": 1.0}],
        "train.epochs": 1,
    }
    run = sfumato.train(small_recipe, overrides=balanced, out=tmp_path / "run", quiet=True)
    with pytest.raises(InputError, match="logit_adjustment"):
        sfumato.decide(run.folder, overrides={"decision.logit_adjustment.tau": 1.0}, out=tmp_path / "new", quiet=True)
    assert not (tmp_path / "new").exists()
