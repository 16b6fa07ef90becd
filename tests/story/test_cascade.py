"""Gate, elements and products become one bundle, its thresholds chosen for what comes out in the end."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import polars as pl
import pytest
import yaml
from sklearn.metrics import roc_auc_score
from tests.charts import ELEMENTS, chart, gallery
from tests.served import files, served

import sfumato
from sfumato.cascades.looking import look
from sfumato.cascades.measuring import last_verdicts
from sfumato.cascades.origin import Heard
from sfumato.cascades.pages import write_report
from sfumato.cascades.samples import given_samples, held_out_samples
from sfumato.cascades.stage import read_stage
from sfumato.cascades.tuning import shift_of
from sfumato.cli import main
from sfumato.data.progress import unseen
from sfumato.decision.calibrators.vector_scaling import VectorScaling
from sfumato.decision.doubt.familiar import Familiar
from sfumato.decision.narrowing import Narrowing
from sfumato.errors import InputError
from sfumato.json_file import read_json, write_json
from sfumato.predict.cascade_stages import Stages
from sfumato.predict.inputs import WithText
from sfumato.predict.predictor import Predictor
from sfumato.sealed import read_manifest, seal


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Three finished trainings over one gallery: a gate, a cross-validation of elements, and products told of them."""
    root = tmp_path_factory.mktemp("cascade")
    gallery(root, 144)
    sfumato.train(root / "gate.yaml", out=root / "gate", quiet=True)
    sfumato.crossval(root / "elements.yaml", folds=2, out=root / "elements", quiet=True)
    sfumato.train(root / "products.yaml", out=root / "products", quiet=True)
    return root


@pytest.fixture(scope="module")
def made(root) -> sfumato.CascadeFolder:
    return sfumato.cascade(root / "gate", root / "elements", root / "products", out=root / "charts", quiet=True)


@pytest.fixture
def looked(monkeypatch) -> dict[str, int]:
    """Pictures that each stage is asked about."""
    counts: dict[str, int] = {}
    read = Stages.read

    def counting(self, role, inputs, *given):
        counts[role] = counts.get(role, 0) + len(inputs)
        return read(self, role, inputs, *given)

    monkeypatch.setattr(Stages, "read", counting)
    return counts


def pictures(root: Path) -> list[str]:
    return sorted(str(path) for path in (root / "pictures").glob("*.png"))


def routed(made, folder: Path, **changes) -> Path:
    """A copy of the cascade's bundle with other routes, sealed again."""
    copy = Path(shutil.copytree(made.bundle, folder))
    routes = read_json(copy / "cascade.json")
    write_json(copy / "cascade.json", {**routes, **changes})
    manifest = read_manifest(copy)
    seal(copy, {name: value for name, value in manifest.items() if name != "files"})
    return copy


def test_every_answer_says_how_it_came_about(root, made):
    model = sfumato.load(made.folder)
    decisions = model.predict(pictures(root)[:24])
    assert {one.stage for one in decisions} == {"gate", "products"}
    for one in decisions:
        steps = {step.stage: step for step in one.path}
        going = steps["gate"].probabilities["yes"]
        if one.stage == "gate":
            assert list(steps) == ["gate"] and one.label == "no" and going < model.stages.routes.gate
            assert one.confidence == pytest.approx(1 - going)
        else:
            assert list(steps) == ["gate", "elements", "products"] and going >= model.stages.routes.gate
            assert set(steps["elements"].labels) <= set(ELEMENTS)
            assert steps["products"].probabilities == one.probabilities
            assert one.label == one.path[-1].label


def test_a_stage_that_reads_elements_is_told_them_as_in_training(root, made):
    """The last stage alone, given the text that training had: the words of the stage before, and the title."""
    source = pictures(root)[1]
    model = sfumato.load(made.bundle)
    (decision,) = model.predict([WithText(source, "Chart 1")])
    steps = {step.stage: step for step in decision.path}
    words = "、".join(
        name if steps["elements"].probabilities[name] >= 0.8 else f"{name}（不确定）"
        for name in steps["elements"].labels
    )
    (alone,) = sfumato.load(root / "products").predict([WithText(source, f"【{words or '不确定'}】 Chart 1")])
    assert alone.probabilities == decision.probabilities


def test_nothing_runs_behind_a_gate_that_is_shut(root, made, tmp_path, looked):
    shut = sfumato.load(routed(made, tmp_path / "shut", gate=1.0))
    decisions = shut.predict(pictures(root))
    assert looked == {"gate": 144}
    assert all(one.stage == "gate" and one.label == "no" for one in decisions)


def test_only_what_passes_is_looked_at_further(root, made, looked):
    decisions = sfumato.load(made.bundle).predict(pictures(root))
    passed = sum(one.stage == "products" for one in decisions)
    assert 0 < passed < 144
    assert looked == {"gate": 144, "elements": passed, "products": passed}


def test_a_gate_that_is_off_changes_nothing(root, made, tmp_path, looked):
    """No gate, a threshold of 0, and the stages behind it by themselves: the same bits."""
    sources = pictures(root)[:40]
    off = sfumato.load(made.bundle, gate=False).predict(sources)
    assert looked == {"elements": 40, "products": 40}
    at_zero = sfumato.load(routed(made, tmp_path / "open", gate=0.0)).predict(sources)
    assert [one.probabilities for one in off] == [one.probabilities for one in at_zero]
    elements = Predictor.predict(sfumato.load(root / "elements"), sources)
    assert [one.path[0].probabilities for one in off] == [one.probabilities for one in elements]
    texts = ["【" + "、".join(_word(one, name) for name in one.labels) + "】" for one in elements]
    inputs = [
        WithText(source, "【不确定】" if text == "【】" else text) for source, text in zip(sources, texts, strict=True)
    ]
    alone = sfumato.load(root / "products").predict(inputs)
    assert [one.probabilities for one in off] == [one.probabilities for one in alone]


def _word(decision, name: str) -> str:
    return name if decision.probabilities[name] >= 0.8 else f"{name}（不确定）"


def test_thresholds_are_those_of_all_pairs_that_cost_least(root, made):
    """Every gate threshold there is, tried one by one on the rows that it left."""
    rows = pl.read_csv(made.decisions)
    story = made.story
    wanted, going = (rows["label"] != "no").to_numpy(), rows["going"].to_numpy()
    gate, products = sfumato.load(root / "gate"), sfumato.load(made.bundle, gate=False)
    named = [one.label for one in products.predict([WithText(image, _title(root, image)) for image in rows["image"]])]
    right = np.array(named) == rows["label"].to_numpy()
    cuts = np.unique(going)
    costs = [np.mean(np.where(going >= cut, ~(right & wanted), wanted)) for cut in cuts]
    assert story.tuned.cost == pytest.approx(min(costs))
    assert gate.labels.names == ("no", "yes") and story.routes.go == "yes"
    assert story.selection.whole.scores["accuracy"].value == pytest.approx(1 - min(costs))


def _title(root: Path, image: str) -> str:
    with (root / "gallery.csv").open(encoding="utf-8") as file:
        return next(row["title"] for row in csv.DictReader(file) if image.endswith(f"{row['id']}.png"))


def test_only_samples_that_trained_no_stage_choose(root, made):
    with (root / "gallery.csv").open(encoding="utf-8") as file:
        val = {row["id"] for row in csv.DictReader(file) if row["split"] == "val"}
    assert set(pl.read_csv(made.decisions)["id"]) == val
    assert made.story.selection.samples == len(val)
    assert not made.story.warnings


def test_no_figure_of_the_whole_is_above_that_of_its_stages(made):
    found = made.story.selection
    ended = found.ends["right"].count / (found.samples - found.ends["stopped"].count - found.ends["false_alarm"].count)
    gate, products = found.stages["gate"], found.stages["products"]
    assert ended <= min(gate.classes[1].recall, products.scores["accuracy"].value) + 1e-12
    assert sum(one.count for one in found.ends.values()) == found.samples


def test_what_is_measured_is_what_is_predicted(root, made, monkeypatch):
    """Candidates that elements narrow are narrowed alike by both."""
    model = sfumato.load(made.bundle)
    shows = {"rain": ("green",), "storm": ("red", "green"), "wind": ("red",)}
    rule = Narrowing("all", 0.0, tuple(shows[name] for name in model.labels.names))
    model.stages.products.policies[""] = replace(model.policy, narrowing=rule)
    asked, read = [], Stages.read
    monkeypatch.setattr(Stages, "read", lambda *given: asked.append(given[4:]) or read(*given))
    stages = {role: read_stage(role, root / role) for role in ("gate", "elements", "products")}
    said = look(held_out_samples(stages), model.stages, lambda going, _: going >= 0, unseen)
    rows = said.samples.table.rows
    inputs = [WithText(image, text) for image, text in zip(rows["images"].list.first(), rows["text"], strict=True)]
    named = np.array(model.labels.names)[last_verdicts(said, model.stages).predicted]
    asked.clear()
    predicted = model.predict(inputs)
    remaining = [[one.probabilities[name] > 0 for name in model.labels.names] for one in predicted if len(one.path) > 2]
    assert np.concatenate([kept for (kept,) in filter(None, asked)]).tolist() == remaining  # nothing else is read
    passed = model.stages.routes.passes(said.going)
    assert [one.stage == "products" for one in predicted] == passed.tolist()
    assert [one.label for one in predicted if one.stage == "products"] == named[passed].tolist()
    assert all(one.confidence == 1 for one in predicted if one.stage == "products" and len(one.path[1].labels) == 1)


def test_folds_that_held_a_sample_out_say_how_familiar_it_is(root, made):
    stages = {role: read_stage(role, root / role) for role in ("gate", "elements", "products")}
    samples, model = held_out_samples(stages), sfumato.load(made.bundle)
    ids, classes = samples.table.ids, len(model.labels)
    near = np.arange(len(ids), dtype=np.float32)
    said = Heard({name: row for row, name in enumerate(ids)}, np.zeros((len(ids), classes), np.float32), near)
    model.stages.products.policies[""] = replace(model.policy, familiar=Familiar(3.0, 0.05, 100, "knn"))
    found = look(samples, model.stages, lambda going, _: going >= 0, unseen, {"products": said})
    assert found.familiarity.tolist() == near.tolist()


@pytest.mark.parametrize("role", ["gate", "elements", "products"])
def test_scores_that_are_no_numbers_are_told_and_not_measured(root, made, monkeypatch, role):
    """As in prediction, where such a picture has its row and its reason."""
    read = Stages.read

    def overflown(self, asked, *given):
        said = read(self, asked, *given)
        return (
            replace(said, logits=np.where(np.arange(len(said.logits))[:, None] == 1, np.nan, said.logits))
            if asked == role
            else said
        )

    stages = {role: read_stage(role, root / role) for role in ("gate", "elements", "products")}
    samples, model = held_out_samples(stages), sfumato.load(made.bundle)
    monkeypatch.setattr(Stages, "read", overflown)
    said = look(samples, model.stages, lambda going, _: going >= 0, unseen)
    assert set(said.bad["problem"]) == {"the network gives it scores that are not finite"}
    assert 0 < len(said.bad) == len(samples) - len(said.samples) and said.asked.all()


def test_a_mixed_folder_gives_a_row_each(root, made, tmp_path, monkeypatch, capsys):
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for name in ("p000", "p001", "p002"):
        shutil.copy(root / "pictures" / f"{name}.png", mixed)
    (mixed / "broken.jpg").write_text("no picture")
    chart(("red",), 999).save(mixed / "new.png")
    for ending in ("csv", "jsonl", "parquet"):
        out = tmp_path / f"rows.{ending}"
        monkeypatch.setattr(
            "sys.argv", ["sfumato", "predict", str(made.folder), str(mixed), "--out", str(out), "--quiet"]
        )
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == 0
    rows = pl.read_parquet(tmp_path / "rows.parquet")
    assert [Path(one).stem for one in rows["input"]] == ["broken", "new", "p000", "p001", "p002"]
    assert rows["error"][0] and rows["stage"][0] is None and rows["going"][0] is None
    assert set(rows["stage"][1:]) == {"gate", "products"}
    stopped = rows.filter(pl.col("stage") == "gate")
    assert stopped["elements"].null_count() == len(stopped) and stopped["p:wind"].null_count() == len(stopped)
    assert json.loads(rows.filter(pl.col("stage") == "products")["elements"][0])
    lines = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line.get("stage") for line in lines] == rows["stage"].to_list()
    assert pl.read_csv(tmp_path / "rows.csv")["label"].to_list() == rows["label"].to_list()


def test_costs_and_the_real_share_move_the_gate(root, made, tmp_path):
    stages = (root / "gate", root / "elements", root / "products")
    rare = sfumato.cascade(*stages, share=0.05, out=tmp_path / "rare", quiet=True)
    shift = rare.story.routes.shift
    assert shift.new == (0.95, 0.05) and shift.old[1] == pytest.approx(2 / 3, abs=0.01)
    before = sfumato.load(made.bundle).predict(pictures(root)[:8])
    after = sfumato.load(rare.bundle).predict(pictures(root)[:8])
    for one, other in zip(before, after, strict=True):
        p, q = (step.path[0].probabilities["yes"] for step in (one, other))
        odds = p / (1 - p) * (0.05 / 0.95) / (shift.old[1] / shift.old[0])
        assert q == pytest.approx(odds / (1 + odds))


def test_the_share_is_moved_from_what_training_made_of_the_classes(root, tmp_path):
    """Drawn alike often they are one in two, whatever the images; a calibrator with an offset brings these back."""
    natural = read_stage("gate", root / "gate")
    assert shift_of(natural, "yes", 0.05).old[1] == pytest.approx(2 / 3, abs=0.01)
    text = yaml.safe_load(natural.bundle.recipe)
    text["timeline"][0]["sampler_power"] = 1
    even = replace(natural, bundle=replace(natural.bundle, recipe=yaml.safe_dump(text)))
    assert shift_of(even, "yes", 0.05).old == pytest.approx((0.5, 0.5))
    offset = replace(even.policy, calibrator=VectorScaling((1.0, 1.0), (0.0, 0.3), (50, 100), 150))
    offset_back = replace(even, bundle=replace(even.bundle, policy=offset.to_dict()))
    assert shift_of(offset_back, "yes", 0.05).old == shift_of(natural, "yes", 0.05).old


@pytest.mark.slow
def test_without_a_gate_or_without_elements(root, tmp_path, looked):
    both = sfumato.cascade(None, root / "elements", root / "products", out=tmp_path / "a", quiet=True)
    assert (
        both.story.routes.go is None and both.story.selection.samples == both.story.selection.stages["products"].samples
    )
    (decision,) = sfumato.load(both.bundle).predict(pictures(root)[:1])
    assert [step.stage for step in decision.path] == ["elements", "products"]
    monochrome = replace_elements(root, tmp_path)
    two = sfumato.cascade(root / "gate", None, monochrome, out=tmp_path / "b", quiet=True)
    (decision,) = sfumato.load(two.bundle).predict(pictures(root)[1:2])
    assert [step.stage for step in decision.path] == ["gate", "products"]


def replace_elements(root: Path, folder: Path) -> Path:
    """The run of products as if it had been trained without element words."""
    copy = Path(shutil.copytree(root / "products", folder / "plain"))
    recipe = copy / "bundle" / "recipe.yaml"
    text = recipe.read_text(encoding="utf-8")
    start = text.index("  elements:")
    end = text.index("\n  ", text.index("sure:", start))
    recipe.write_text(text[:start] + "  elements: null" + text[end:], encoding="utf-8")
    manifest = read_manifest(copy / "bundle")
    seal(copy / "bundle", {name: value for name, value in manifest.items() if name != "files"})
    return copy


def test_stages_that_do_not_fit_together_are_one_line(root, made, tmp_path):
    gate, elements, products = (root / name for name in ("gate", "elements", "products"))
    other = Path(shutil.copytree(products, tmp_path / "other"))
    manifest = read_manifest(other / "bundle")
    about = {name: value for name, value in manifest.items() if name != "files"}
    seal(other / "bundle", {**about, "provenance": {**about["provenance"], "elements": ["red", "grean"]}})
    for stages, message in {
        (
            gate,
            None,
            products,
        ): "was trained on element words (data.elements), and no stage names any; expected ELEMENTS",
        (gate, elements, other): "names the element 'green', which " + str(other),
        (
            elements,
            elements,
            products,
        ): "a bundle of several classes a picture; expected one of one class a picture as G",
        (
            gate,
            gate,
            products,
        ): "a bundle of one class a picture; expected one of several classes a picture as ELEMENTS",
        (products, None, gate): "a bundle of 3 classes; expected one of two classes as GATE",
        (None, None, products): "a single stage; expected GATE or ELEMENTS before PRODUCTS",
        (gate, elements, made.folder): "a cascade of several stages; expected the bundle of one run or ensemble",
        (gate, elements, root / "pictures"): "no bundle there; expected the folder of a finished run",
    }.items():
        with pytest.raises(InputError) as failure:
            sfumato.cascade(*stages, out=tmp_path / "out", quiet=True)
        assert message in str(failure.value) and "\n" not in str(failure.value)
    assert not (tmp_path / "out").exists()


def test_samples_that_trained_a_stage_are_refused(root, tmp_path):
    lines = (root / "gallery.csv").read_text(encoding="utf-8").splitlines()
    kept = [line.replace("pictures/", f"{root}/pictures/") for line in lines if line.split(",")[6] != "test"]
    (tmp_path / "all.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    stages = (root / "gate", root / "elements", root / "products")
    with pytest.raises(InputError, match="was trained on 72 of the 120 samples that choose thresholds, such as 'p000'"):
        sfumato.cascade(*stages, data=tmp_path / "all.csv", out=tmp_path / "out", quiet=True)


def test_samples_that_another_split_trained_on_are_left_out(root, made, tmp_path):
    """As if products had had a split of its own; what is left weighs as before."""
    other = Path(shutil.copytree(root / "products", tmp_path / "other"))
    path = other / "data" / "table.parquet"
    about, rows = pl.read_parquet_metadata(path), pl.read_parquet(path)
    moved = rows.filter(pl.col("part") == "val")["id"][:6]
    part = pl.when(pl.col("id").is_in(moved.to_list())).then(pl.lit("train")).otherwise("part").alias("part")
    rows.with_columns(part).write_parquet(path, metadata={"sfumato": about["sfumato"]})
    found = sfumato.cascade(root / "gate", root / "elements", other, out=tmp_path / "out", quiet=True)
    assert found.story.warnings == (f"6 of 48 samples are left out: {other} was trained on them",)
    assert not set(pl.read_csv(found.decisions)["id"]) & set(moved)
    assert found.story.tuned.share == pytest.approx(2 / 3) and found.story.routes.shift is None


@pytest.mark.slow
def test_other_samples_may_choose(root, made, tmp_path):
    """The same validation samples as a table by themselves choose the same."""
    lines = (root / "gallery.csv").read_text(encoding="utf-8").splitlines()
    kept = [lines[0], *(line for line in lines[1:] if line.split(",")[6] == "val")]
    kept = [line.replace("pictures/", f"{root}/pictures/") for line in kept]
    (tmp_path / "val.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    stages = (root / "gate", root / "elements", root / "products")
    again = sfumato.cascade(*stages, data=tmp_path / "val.csv", out=tmp_path / "out", quiet=True)
    assert again.story.routes == made.story.routes
    assert replace(again.story.tuned, curve=()) == replace(made.story.tuned, curve=())


@pytest.fixture(scope="module")
def evaluated(root, made, tmp_path_factory) -> sfumato.Evaluation:
    """On the test part, which no stage and no threshold has seen."""
    folder = tmp_path_factory.mktemp("evaluated")
    return sfumato.evaluate(made.folder, root / "gallery.csv", part="test", out=folder / "done", quiet=True)


def test_it_is_measured_end_to_end_and_stage_by_stage(root, made, evaluated):
    rows, found = pl.read_csv(evaluated.decisions), evaluated.metrics["cascade"]
    assert len(rows) == found["samples"] == 24
    assert found["whole"]["scores"]["accuracy"]["value"] == pytest.approx(rows["right"].mean())
    assert set(found["stages"]) == {"gate", "elements", "products"}
    gate = found["stages"]["gate"]
    wanted, going = (rows["label"] != "no").to_numpy(), rows["going"].to_numpy()
    assert gate["scores"]["auc"]["value"] == pytest.approx(roc_auc_score(wanted, going))
    passed = going >= made.story.routes.gate
    assert gate["classes"][1]["recall"] == pytest.approx((passed & wanted).sum() / wanted.sum())
    assert found["stages"]["products"]["samples"] == wanted.sum()  # those that the gate stops too
    ended = {name: one["count"] for name, one in found["ends"].items()}
    assert sum(ended.values()) == 24 and ended["missed"] == (wanted & ~passed).sum()
    assert found["spent"]["gate"]["looked"] == 24 and found["spent"]["products"]["looked"] == passed.sum()
    assert "trained on" not in evaluated.page.read_text(encoding="utf-8")


def test_texts_are_read_from_the_column_of_training_or_another_that_is_named(root, made, tmp_path):
    table = pl.read_csv(root / "gallery.csv").with_columns(image=pl.lit(f"{root}/") + pl.col("image"))
    table.write_csv(tmp_path / "whole.csv")
    table.rename({"title": "heading"}).write_csv(tmp_path / "renamed.csv")
    stages = {role: read_stage(role, root / role) for role in ("gate", "elements", "products")}
    titles = table["title"].fill_null("").to_list()
    for name, settings, texts in (
        ("whole", {}, titles),
        ("renamed", {"data.columns.text": "heading"}, titles),
        ("renamed", {"data.columns.text": None}, [""] * len(table)),
    ):
        found = given_samples(stages, str(tmp_path / f"{name}.csv"), settings)
        assert found.table.rows["text"].to_list() == texts
    with pytest.raises(InputError, match=r"data\.columns\.text: .*renamed\.csv has no column 'title'"):
        sfumato.evaluate(made.folder, tmp_path / "renamed.csv", out=tmp_path / "out", quiet=True)
    assert not (tmp_path / "out").exists()


def test_its_page_stands_alone_and_is_written_anew(made, evaluated):
    for page, said in ((evaluated.page, "Where samples end"), (made.page, "How the thresholds were chosen")):
        text = page.read_text(encoding="utf-8")
        assert said in text and "http" not in text.replace("http://www.w3.org", "")
    before = made.page.read_text(encoding="utf-8")
    assert write_report(made.folder).read_text(encoding="utf-8") == before


@pytest.mark.slow
def test_it_says_where_samples_were_trained_on(root, made, tmp_path, capfd):
    done = sfumato.evaluate(made.folder, root / "gallery.csv", out=tmp_path / "all")
    assert "of these samples show images that it was trained on" in done.page.read_text(encoding="utf-8")
    warned = " ".join(capfd.readouterr().err.split())
    assert "104 of these samples show images that it was trained on, and 16 such as chose its weights" in warned


@pytest.mark.slow
def test_one_flat_classifier_beside_it(root, made, tmp_path):
    flat = Path(shutil.copytree(root / "gate", tmp_path / "flat"))
    with pytest.raises(InputError, match=r"flat: no class 'rain'; expected all products, for --flat"):
        sfumato.evaluate(made.folder, root / "gallery.csv", flat=flat, part="test", out=tmp_path / "a", quiet=True)
    with pytest.raises(InputError, match="--flat compares a cascade with one classifier"):
        sfumato.evaluate(root / "gate", root / "gallery.csv", flat=flat, out=tmp_path / "a", quiet=True)
    lines = (root / "gallery.csv").read_text(encoding="utf-8").splitlines()
    cells = [line.split(",") for line in lines[1:]]
    rows = [f"{root}/{one[1]},{one[4] or 'no'},{one[6]}" for one in cells]
    (tmp_path / "flat.csv").write_text("\n".join(["image,label,split", *rows]) + "\n", encoding="utf-8")
    recipe = (root / "gate.yaml").read_text(encoding="utf-8").replace(", columns: {label: is_chart}", "")
    (tmp_path / "flat.yaml").write_text(recipe.replace("gallery.csv", "flat.csv"), encoding="utf-8")
    one = sfumato.train(tmp_path / "flat.yaml", overrides={"train.epochs": 1}, out=tmp_path / "one", quiet=True)
    done = sfumato.evaluate(
        made.folder, root / "gallery.csv", flat=one.folder, part="test", out=tmp_path / "b", quiet=True
    )
    alone = sfumato.load(one.folder).predict(pl.read_csv(done.decisions)["image"].to_list())
    rows = pl.read_csv(done.decisions)
    right = np.array([said.label for said in alone]) == rows["label"].to_numpy()
    flat_said = done.metrics["flat"]
    assert flat_said["results"]["scores"]["accuracy"]["value"] == pytest.approx(right.mean())
    assert flat_said["accuracy"]["value"] == pytest.approx(rows["right"].mean() - right.mean())
    assert flat_said["mcnemar"]["only_a"] == int((rows["right"].to_numpy() & ~right).sum())
    assert "Beside one flat classifier" in done.page.read_text(encoding="utf-8")


def test_the_verbs_of_the_command_line(root, made, tmp_path, monkeypatch, capsys):
    """Built with costs, told what it is, measured, and shown anew; what can't be is one line."""

    def typed(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["sfumato", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            main()
        said = capsys.readouterr()
        return int(stop.value.code or 0), said.out, said.err

    stages, out = [root / "gate", root / "elements", root / "products"], tmp_path / "dear"
    code, said, _ = typed(
        "cascade", *stages, "--cost", "withheld=0.1", "--cost", "missed=3", "--out", out, "--json", "--quiet"
    )
    document = json.loads(said)
    assert code == 0 and document["summary"]["tuned"]["costs"]["missed"] == 3 and Path(document["bundle"]).is_dir()
    assert document["summary"]["tuned"]["cost"] <= made.story.tuned.cost
    code, said, _ = typed("evaluate", out, root / "gallery.csv", "--part", "test", "--out", tmp_path / "e", "--quiet")
    assert code == 0 and said.startswith("end to end  24 samples: accuracy ") and "looked at" in said
    assert typed("report", out)[:2] == (0, f"{out / 'report.html'}\n")
    for words, message in {
        ("cascade", *stages, "--cost", "wrongg=1"): "--cost: no cost 'wrongg'",
        ("cascade", *stages, "--share", "1.5"): "--share: 1.5; expected a share above 0 and below 1",
        (
            "cascade",
            *stages,
            "--positive",
            "yess",
        ): "--positive: no class 'yess'; expected no or yes; did you mean 'yes'?",
        ("cascade", *stages, "--set", "data.images=x"): "--set says how to read --data, which is not given",
        ("cascade", *stages, "--positive", "no"): "has a product, and is 'yes', whose pictures are stopped",
        ("cascade", "-", *stages[1:], "--share", "0.5"): "--share: no effect without GATE; leave it out",
        ("predict", made.folder, root / "pictures", "--elements", stages[1]): "--elements beside a cascade",
        ("predict", stages[0], root / "pictures", "--no-gate"): "no gate to leave out; expected a cascade",
        ("ensemble", made.folder, stages[0]): "a cascade of several stages; expected the bundle of one run or ensemble",
    }.items():
        where = ("--out", tmp_path / "never") if words[0] == "cascade" else ()
        code, _, told = typed(*words, *where)
        assert code == 2 and message in told and told.count("\n") == 1, told
    assert not (tmp_path / "never").exists()


def test_it_is_served_with_its_path(root, made):
    paths = [Path(one) for one in pictures(root)[:6]]
    wanted = [one.to_dict() for one in sfumato.load(made.bundle).predict(paths)]
    with served(made.bundle) as service, service.client() as client:
        answer = client.post("/predict", files=files(*[(str(path), path.read_bytes()) for path in paths]))
        schema = client.get("/openapi.json").json()["paths"]["/predict"]["post"]["responses"]["200"]
        stages = client.get("/metadata").json()["stages"]
    found = answer.json()["decisions"]
    assert {one["stage"] for one in found} == {"gate", "products"}
    assert [[step["stage"] for step in one["path"]] for one in found] == [
        [step["stage"] for step in one["path"]] for one in wanted
    ]
    assert [one["confidence"] for one in found] == pytest.approx([one["confidence"] for one in wanted], abs=1e-6)
    jsonschema.Draft202012Validator(schema["content"]["application/json"]["schema"]).validate(answer.json())
    assert [one["task"] for one in stages] == ["gate", "elements", "products"]
    assert [one["threshold"] for one in stages[0]["classes"]] == [None, made.story.routes.gate]


def test_stages_that_look_at_pictures_alone_are_explained(root, made):
    """By default the stage that decided; the last reads texts, and has no places that speak for a class."""
    paths = [Path(one) for one in pictures(root)[:6]]
    decisions = sfumato.load(made.bundle).predict(paths)
    stopped, went = (next(i for i, one in enumerate(decisions) if one.stage == stage) for stage in ("gate", "products"))
    with served(made.bundle) as service, service.client() as client:

        def ask(place: int, **said) -> tuple[int, dict]:
            answer = client.post("/explain", files=files(paths[place]), data=said)
            return answer.status_code, answer.json()

        told = client.get("/metadata").json()
        assert told["explains"] and [one["explains"] for one in told["stages"]] == [True, True, False]
        status, found = ask(stopped)
        assert (status, found["task"], found["label"], found["networks"]) == (200, "gate", "no", 1)
        status, found = ask(went, task="elements")
        assert (status, found["task"], found["networks"]) == (200, "elements", 2)
        assert found["label"] == next(iter(decisions[went].path[1].probabilities))
        assert ask(stopped, task="elements", label=ELEMENTS[0])[1]["label"] == ELEMENTS[0]
        for refusal, code, words in (
            (ask(went), "not_explained", "products can't be explained: it does not look at pictures alone"),
            (ask(stopped, task="elements"), "not_looked", "elements did not look at it: it was stopped before"),
            (
                ask(stopped, task="other"),
                "unknown_task",
                "no 'other'; expected `task` to be one of gate, elements, products",
            ),
            (ask(stopped, task="gate", label=ELEMENTS[0]), "unknown_class", f"no class {ELEMENTS[0]!r}"),
        ):
            assert refusal[0] == 422 and refusal[1]["code"] == code and refusal[1]["error"].startswith(words)


def test_a_damaged_cascade_is_refused(made, tmp_path):
    for changes, message in {
        (("gate", 1.5),): "not routes of a cascade: gate should be less than or equal to 1",
        (("go", "other"),): "damaged: pictures of 'other' go on; expected no or yes",
    }.items():
        copy = routed(made, tmp_path / str(changes[0][0]), **dict(changes))
        with pytest.raises(InputError) as failure:
            sfumato.load(copy)
        assert message in str(failure.value)
    copy = Path(shutil.copytree(made.bundle, tmp_path / "lacking"))
    shutil.rmtree(copy / "stages" / "gate")
    with pytest.raises(InputError, match="missing"):
        sfumato.load(copy)
