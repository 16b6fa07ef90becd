"""A bundle measured on labelled data of every kind: the figures are those a person would count, and errors one line."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score
from tests.pictures import folder_per_class, shapes_and_colours
from tests.story.test_decide import typed

import sfumato
from sfumato.errors import InputError
from sfumato.predictions import Predictions


@pytest.fixture(scope="module")
def fresh(tmp_path_factory) -> Path:
    """Pictures that no run has seen."""
    root = tmp_path_factory.mktemp("fresh")
    folder_per_class(root / "all", {"checks": 12, "disc": 15, "条纹": 9}, size=40)
    return root


def rows_of(done) -> list[dict[str, str]]:
    with done.decisions.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def done(small_run, fresh, tmp_path_factory):
    return sfumato.evaluate(small_run.folder, fresh / "all", out=tmp_path_factory.mktemp("out") / "e", quiet=True)


def test_the_figures_are_those_counted_from_the_rows(small_run, fresh, done):
    rows, scores = rows_of(done), done.metrics["evaluated"]["scores"]
    truth, named = [row["label"] for row in rows], [row["named"] for row in rows]
    assert len(rows) == 36 and truth == [row["id"].split("/")[0] for row in rows]
    assert scores["accuracy"]["value"] == pytest.approx(accuracy_score(truth, named))
    assert scores["macro_f1"]["value"] == pytest.approx(f1_score(truth, named, average="macro"))
    decisions = sfumato.load(small_run.bundle).predict([row["image"] for row in rows])
    assert [one.abstained for one in decisions] == [row["abstained"] == "true" for row in rows]
    assert [one.confidence for one in decisions] == pytest.approx([float(row["confidence"]) for row in rows])
    assert done.metrics["about"]["trained_on"] == 0


def test_the_tables_and_the_page_are_whole(small_run, done):
    assert len(done.predictions()) == 36 and isinstance(done.predictions(), Predictions)
    page = done.page.read_text(encoding="utf-8")
    assert "On 36 labelled images" in page and "risk against coverage" in page and "data:image/jpeg" in page
    mistakes = page[page.index("<h2>Worst mistakes") : page.index("<h2>Likely wrong labels")]
    assert mistakes.count('<img class="evidence"') == mistakes.count("<figcaption>") > 0 and "Orange is" in mistakes
    assert "http://" not in page and "https://" not in page
    assert page.count("trained</th>")  # the training images of each class are those that the bundle tells


def test_a_table_with_other_spellings_and_orders_gives_the_same(small_run, fresh, done, tmp_path):
    rows = rows_of(done)
    lines = ["picture,kind", *(f"{row['image']},{row['label'].upper()}" for row in reversed(rows))]
    (tmp_path / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    columns = {"data.columns.label": "kind", "data.columns.image": "picture"}
    again = sfumato.evaluate(small_run.bundle, tmp_path / "t.csv", overrides=columns, out=tmp_path / "e", quiet=True)
    assert again.metrics["evaluated"]["confusion"] == done.metrics["evaluated"]["confusion"]
    assert again.predictions().labels == done.predictions().labels


def test_what_was_trained_on_is_found_as_a_copy_too(small_run, small_recipe, tmp_path, capsys):
    shutil.copytree(small_recipe.parent / "photos", tmp_path / "copy")
    done = sfumato.evaluate(small_run.bundle, tmp_path / "copy", out=tmp_path / "e")
    counts = small_run.predictions
    about = done.metrics["about"]
    assert about["chosen_by"] == len(counts["val"])
    assert about["trained_on"] == 120 - len(counts["val"]) - len(counts["test"])
    assert "the figures are optimistic" in " ".join(capsys.readouterr().err.split())


def test_a_bundle_by_itself_says_that_it_can_not_know(small_run, fresh, tmp_path):
    shutil.copytree(small_run.bundle, tmp_path / "alone")
    done = sfumato.evaluate(tmp_path / "alone", fresh / "all", out=tmp_path / "e", quiet=True)
    assert done.metrics["about"]["trained_on"] is None
    assert "be known here" in done.page.read_text(encoding="utf-8")


def test_unlabelled_and_broken_images_are_told_and_not_measured(small_run, fresh, tmp_path):
    folder = fresh / "all"
    (tmp_path / "bad.png").write_text("no picture")
    lines = ["image,label", *(f"{folder}/disc/{i:03}.png,disc" for i in range(9)), f"{folder}/checks/000.png,checks"]
    lines += [f"{folder}/checks/001.png,", "bad.png,disc"]
    (tmp_path / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    done = sfumato.evaluate(small_run.bundle, tmp_path / "t.csv", out=tmp_path / "e", quiet=True)
    assert done.metrics["evaluated"]["samples"] == 10 and done.metrics["about"]["bad_images"] == 1
    rows = {row["id"]: row for row in rows_of(done)}
    assert (rows["bad.png"]["problem"], rows["bad.png"]["named"]) == ("not an image in any known format", "")
    unlabelled = rows[f"{folder}/checks/001.png"]
    assert (unlabelled["label"], unlabelled["right"]) == ("", "") and unlabelled["named"]
    assert all((row["right"] == "true") == (row["label"] == row["named"]) for row in rows.values() if row["right"])
    page = done.page.read_text(encoding="utf-8")
    assert "1 of the bundle" in page and "bad.png" in page and "1 samples have no label" in page


def test_classes_that_the_bundle_does_not_know(small_run, fresh, tmp_path):
    shutil.copytree(fresh / "all", tmp_path / "data")
    (tmp_path / "data" / "disc").rename(tmp_path / "data" / "discs")
    with pytest.raises(InputError) as error:
        sfumato.evaluate(small_run.bundle, tmp_path / "data", out=tmp_path / "e", quiet=True)
    text = str(error.value)
    assert "15 of 36 samples are of classes that the bundle does not know: 'discs' (15)" in text
    assert "did you mean 'disc'?" in text and "--skip-unknown" in text and "\n" not in text
    assert not (tmp_path / "e").exists()
    done = sfumato.evaluate(small_run.bundle, tmp_path / "data", skip_unknown=True, out=tmp_path / "e", quiet=True)
    assert done.metrics["about"]["unknown_classes"] == {"discs": 15} and done.metrics["evaluated"]["samples"] == 21
    (tmp_path / "data" / "checks").rename(tmp_path / "data" / "b")
    (tmp_path / "data" / "条纹").rename(tmp_path / "data" / "c")
    with pytest.raises(InputError, match="no sample of a class that the bundle knows"):
        sfumato.evaluate(small_run.bundle, tmp_path / "data", skip_unknown=True, out=tmp_path / "e2", quiet=True)


def test_one_part_of_data_with_parts(small_run, fresh, tmp_path):
    for part in ("train", "test"):
        shutil.copytree(fresh / "all", tmp_path / "data" / part)
    whole = sfumato.evaluate(small_run.bundle, tmp_path / "data", out=tmp_path / "whole", quiet=True)
    one = sfumato.evaluate(small_run.bundle, tmp_path / "data", part="test", out=tmp_path / "one", quiet=True)
    assert (whole.metrics["about"]["samples"], one.metrics["about"]["samples"]) == (72, 36)
    with pytest.raises(InputError, match="no sample in a part 'val'; expected one of test, train"):
        sfumato.evaluate(small_run.bundle, tmp_path / "data", part="val", out=tmp_path / "none", quiet=True)


@pytest.mark.slow
def test_several_tasks_are_measured_each_by_itself(tmp_path):
    shapes_and_colours(tmp_path, 70)
    recipe = {
        "data": {"source": str(tmp_path / "table.csv"), "columns": {"label": ["shape", "colour"]}},
        "model": {"backbone": "test_efficientnet", "weights": "none"},
        "train": {"epochs": 1, "precision": "fp32", "workers": 0},
        "timeline": [{"at": "0ep", "image_size": 32, "batch_size": 16}],
    }
    run = sfumato.train(recipe, out=tmp_path / "run", quiet=True)
    done = sfumato.evaluate(run.bundle, tmp_path / "table.csv", out=tmp_path / "e", quiet=True)
    assert {"evaluated.shape", "evaluated.colour"} <= done.metrics.keys()
    known = [row for row in rows_of(done) if row["label.shape"]]
    right = np.mean([row["label.shape"] == row["named.shape"] for row in known])
    assert done.metrics["evaluated.shape"]["scores"]["accuracy"]["value"] == pytest.approx(right)
    with pytest.raises(InputError, match="label columns label, and a bundle of several tasks"):
        folder_per_class(tmp_path / "folders", {"disc": 2, "checks": 2})
        sfumato.evaluate(run.bundle, tmp_path / "folders", out=tmp_path / "no", quiet=True)


WRONG = {
    "no bundle": (["nowhere", "{data}"], "nowhere: no such bundle"),
    "no data": (["{run}", "nowhere"], "nowhere"),
    "another setting": (
        ["{run}", "{data}", "--set", "train.epochs=1"],
        "train.epochs: is no setting of how data is read",
    ),
    "a device": (["{run}", "{data}", "--device", "cuda:99"], "no device 'cuda:99' here"),
    "inside the data": (["{run}", "{data}", "--out", "{data}/e"], "lies inside the data; expected a folder outside it"),
}


@pytest.mark.parametrize("case", WRONG, ids=str)
def test_wrong_input_is_one_line_and_leaves_nothing(case, small_run, fresh, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments, said = WRONG[case]
    places = {"run": small_run.folder, "data": fresh / "all"}
    code, out, err = typed(["evaluate", *(one.format(**places) for one in arguments), "--quiet"], capsys)
    assert (code, out) == (2, "") and said in err and err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_the_verb_says_what_it_found(small_run, fresh, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code, out, _ = typed(["evaluate", small_run.folder, fresh / "all", "--quiet"], capsys)
    assert code == 0 and "accuracy" in out and "report  runs/all-evaluated/report.html" in out
    code, out, _ = typed(["evaluate", small_run.folder, fresh / "all", "--json", "--quiet"], capsys)
    assert code == 0 and json.loads(out)["metrics"]["evaluated"]["samples"] == 36
