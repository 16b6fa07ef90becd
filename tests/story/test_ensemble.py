"""Several bundles become one, fitted on their tables alone; whatever does not fit together is refused in one line."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len
from tests.pictures import folder_per_class
from tests.story.test_bundle import flip_a_byte, reseal

import sfumato
from sfumato.bundle import folder as bundle_folder
from sfumato.cli import main
from sfumato.data.images import decode
from sfumato.data.views import PLAIN, View
from sfumato.decision.abstention import Abstention
from sfumato.decision.calibration import Temperature
from sfumato.decision.dealing import deal
from sfumato.decision.fusion.fitting import fit_fusion
from sfumato.decision.fusion.fusion import log_probabilities
from sfumato.decision.policy import Policy
from sfumato.ensembles.summary import Comparison, summary_lines
from sfumato.errors import InputError, RunError
from sfumato.folds.averaged_bundle import make_averaged_bundle
from sfumato.metrics.calibration import negative_log_likelihood
from sfumato.metrics.paired import mcnemar, paired_difference
from sfumato.predictions import Predictions
from sfumato.run_folder import RunFolder

RECIPE = """
name: one
data: {source: photos, split: {val: 0.3, test: 0.25}}
model: {backbone: test_efficientnet, weights: none}
train: {epochs: 2, optimizer: {lr: 5e-3}, precision: fp32, workers: 0}
timeline:
  - {at: 0ep, image_size: 32, batch_size: 8}
"""
KINDS = ("average", "weighted", "stacked")


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Two runs of different makes and sizes on the same samples."""
    root = tmp_path_factory.mktemp("ensemble")
    folder_per_class(root / "photos", {"disc": 40, "条纹": 36, "checks": 32})
    (root / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    sfumato.train(root / "recipe.yaml", out=root / "a", quiet=True)
    other = {"model.backbone": "test_resnet", "timeline": [{"at": "0ep", "image_size": 48, "batch_size": 8}]}
    sfumato.train(root / "recipe.yaml", overrides={**other, "train.seed": 1}, out=root / "b", quiet=True)
    for name, strength in (("a", 2.0), ("b", 1.7)):
        _say(root / name, strength)
    return root


def _say(run: Path, strength: float) -> None:
    """Tables of a member that sees the truth more or less well: two epochs on tiny pictures would teach too little."""
    for path in sorted((run / "predictions").glob("*.parquet")):
        table = Predictions.read(path)
        rng = np.random.default_rng([int(10 * strength), len(table)])
        logits = rng.normal(size=table.logits.shape)
        logits[np.arange(len(table)), table.truth] += strength
        replace(table, logits=logits.astype(np.float32)).write(path)


@pytest.fixture(scope="module")
def made(root) -> dict[str, sfumato.Ensemble]:
    return {k: sfumato.ensemble([root / "a", root / "b"], kind=k, out=root / f"e-{k}", quiet=True) for k in KINDS}


@pytest.fixture(scope="module")
def pictures(root) -> list[str]:
    return sorted(str(path) for path in (root / "photos").rglob("*.png"))[::7]


@pytest.mark.parametrize("kind", KINDS)
def test_it_predicts_what_fusing_its_members_gives(root, made, pictures, kind):
    one, two = (sfumato.load(root / name) for name in "ab")
    whole, fusion = sfumato.load(made[kind].folder), made[kind].fusion
    pixels = [decode(path) for path in pictures]
    fused = fusion.fuse([log_probabilities(member.logits(pixels), member.policy) for member in (one, two)])
    expected = whole.policy.apply(fused).probabilities
    for decision, row in zip(whole.predict(pictures), expected, strict=True):
        assert decision.probabilities == pytest.approx(dict(zip(whole.labels.names, row, strict=True)), abs=1e-5)
    assert whole.calibrated


def test_average_is_the_mean_of_calibrated_probabilities(root, made):
    """From the tables: of the test part, before the ensemble's own temperature."""
    tables = [Predictions.read(root / name / "predictions/test.parquet") for name in "ab"]
    policies = [sfumato.load(root / name).policy for name in "ab"]
    mean = np.mean([p.apply(t.logits).probabilities for p, t in zip(policies, tables, strict=True)], axis=0)
    assert np.allclose(np.exp(made["average"].predictions["test"].logits), mean, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_the_fused_tables(root, made, kind):
    done, test = made[kind], made[kind].predictions["test"]
    summary, policy = done.summary, sfumato.load(done.bundle).policy
    said = policy.apply(test.logits).predicted
    assert summary.test.results["scores"]["accuracy"]["value"] == pytest.approx((said == test.truth).mean())
    single = Predictions.read(root / "ab"[summary.best] / "predictions/test.parquet")
    best = single.logits.argmax(axis=1)
    assert summary.test.members[summary.best] == pytest.approx((best == single.truth).mean())
    found = mcnemar(test.truth, said, best)
    assert summary.test.comparison == Comparison(
        paired_difference(test.truth, said, best),
        paired_difference(test.truth, said, best, "macro_f1"),
        found.only_a,
        found.only_b,
        found.p,
    )
    assert set(json.loads((done.bundle / "results.json").read_text())) == {"selection", "test"}
    assert summary.fitted_on == "val"


@pytest.mark.parametrize("kind", ["weighted", "stacked"])
def test_no_sample_is_scored_by_weights_that_were_fitted_on_it(root, made, kind):
    """Done again by hand: a fusion of all other folds says what the table has of a fold."""
    tables = [Predictions.read(root / name / "predictions/val.parquet") for name in "ab"]
    said = [
        log_probabilities(table.logits, sfumato.load(root / name).policy)
        for name, table in zip("ab", tables, strict=True)
    ]
    truth, found = tables[0].truth, made[kind].predictions["val"]
    fold = deal(truth, tables[0].groups, 5)
    for held in range(5):
        others, mine = fold != held, fold == held
        fusion = fit_fusion(kind, [one[others] for one in said], truth[others])
        assert np.allclose(found.logits[mine], fusion.fuse([one[mine] for one in said]), atol=1e-6)
    assert made[kind].fusion == fit_fusion(kind, said, truth)


@pytest.fixture(scope="module")
def together(root, tmp_path_factory) -> Path:
    """The same runs, with tables of 300 samples of which each member sees half of what tells the class."""
    folder = tmp_path_factory.mktemp("together")
    rng = np.random.default_rng(0)
    seen = rng.integers(0, 3, (2, 500))
    truth = seen.sum(axis=0) % 3
    for name, own in zip("ab", seen, strict=True):
        shutil.copytree(root / name, folder / name)
        labels = Predictions.read(root / name / "predictions/val.parquet").labels
        logits = (rng.normal(size=(500, 3)) + 3 * np.eye(3)[own]).astype(np.float32)
        for part, rows in (("val", np.arange(300)), ("test", np.arange(300, 500))):
            table = Predictions(tuple(f"{row}.png" for row in rows), truth[rows], logits[rows], labels)
            table.write(folder / name / "predictions" / f"{part}.parquet")
    return folder


def test_a_hidden_layer_is_told_apart_from_stacking(together, pictures, tmp_path, capsys):
    """Cross-fitted, by the same folds: neither member knows anything alone, so the layer gains, and it is said."""
    members = [together / "a", together / "b"]
    done, plain = (sfumato.ensemble(members, kind=kind, out=tmp_path / kind, quiet=True) for kind in ("mlp", "stacked"))
    for part, told in (("val", done.summary.selection), ("test", done.summary.test)):
        layered, stacked = done.predictions[part], plain.predictions[part]
        loss = [negative_log_likelihood(table.logits, table.truth) for table in (layered, stacked)]
        right = [(table.logits.argmax(axis=1) == table.truth).mean() for table in (layered, stacked)]
        assert told.layer.nll.value == pytest.approx(loss[0] - loss[1], abs=1e-6)
        assert told.layer.accuracy.value == pytest.approx(right[0] - right[1])
        assert told.layer.shown and right[0] > 0.7 > right[1]
    assert plain.summary.test.layer is None
    assert (
        sum(
            "hidden layer: log loss -" in line and line.endswith(": it helps")
            for line in summary_lines(done.summary, done.fusion)
        )
        == 2
    )
    whole = sfumato.load(done.bundle)
    pixels = [decode(path) for path in pictures]
    said = [log_probabilities(one.logits(pixels), one.policy) for one in map(sfumato.load, members)]
    assert np.allclose(whole.logits(pixels), done.fusion.fuse(said), atol=1e-4)


def test_a_hidden_layer_that_gains_nothing_is_said_to(together, tmp_path):
    """A member beside a copy of itself: nothing is left for a layer to find."""
    shutil.copytree(together / "a", tmp_path / "c")
    done = sfumato.ensemble([together / "a", tmp_path / "c"], kind="mlp", out=tmp_path / "e", quiet=True)
    assert not done.summary.selection.layer.shown
    assert any("not shown to help" in line for line in summary_lines(done.summary, done.fusion))


@pytest.mark.parametrize("sharing", ["shared", "by_class"])
@pytest.mark.parametrize("kind", ["weighted", "stacked"])
def test_weights_are_shared_or_a_class_as_was_asked(together, tmp_path, kind, sharing):
    done = sfumato.ensemble(
        [together / "a", together / "b"], kind=kind, weights=sharing, out=tmp_path / "e", quiet=True
    )
    assert {len(row) for row in done.fusion.weights} == {1 if sharing == "shared" else 3}
    assert done.summary.weights == done.fusion.weights


@pytest.mark.parametrize("views", [(PLAIN,), (PLAIN, View(flip="horizontal"))])
def test_folds_of_different_make_are_averaged_under_the_policy_they_share(root, pictures, tmp_path, views):
    """As where early stopping ends one fold before a keyframe swaps the head or the size, and another after it."""
    runs, policy = (
        [RunFolder(root / name) for name in "ab"],
        Policy(Temperature(1.7, 50), Abstention(0.4, 0.3, 0.2, 0.8)),
    )
    make_averaged_bundle(tmp_path / "bundle", runs, runs[0].load_recipe().recipe, {"": policy}, {}, views)
    pixels, whole = [decode(path) for path in pictures], sfumato.load(tmp_path / "bundle")
    turned = [pixels, [np.ascontiguousarray(one[:, ::-1]) for one in pixels]][: len(views)]
    models = [sfumato.load(run.bundle) for run in runs]
    each = [policy.apply(model.logits(seen)).probabilities for model in models for seen in turned]
    assert np.allclose(policy.apply(whole.logits(pixels)).probabilities, np.mean(each, axis=0), atol=1e-4)
    assert whole.policy == policy
    assert json.loads((tmp_path / "bundle/fusion.json").read_text())["kind"] == "folds"
    assert sfumato.load(tmp_path / "bundle/members/1").policy == policy
    assert [one.name for one in tmp_path.iterdir()] == ["bundle"]


def test_a_picture_of_which_one_member_makes_nothing_is_told_alone(made, pictures, monkeypatch):
    """As some picture may overflow one network; what is said of the others is what is always said of them."""
    whole = sfumato.load(made["weighted"].folder)
    plain = whole.predict(pictures[:3])
    member = whole._looker._members[1]
    said = member.read

    def overflown(seen, texts):
        found = said(seen, texts)
        found.logits[1, 0] = np.inf
        return found

    monkeypatch.setattr(member, "read", overflown)
    first, second, third = whole.predict(pictures[:3])
    assert second.error == "the network gives it scores that are not finite" and second.probabilities == {}
    for one, other in ((first, plain[0]), (third, plain[2])):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-6)


def test_nothing_of_the_users_is_inside(root, made):
    files = [path for path in made["stacked"].bundle.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".json", ".yaml", ".safetensors", ".png"}
    assert not any(str(root).encode() in path.read_bytes() for path in files)


def test_an_ensemble_can_be_a_member_and_stands_on_its_own(root, made, pictures, tmp_path):
    nested = sfumato.ensemble([root / "a", made["average"].folder], kind="weighted", out=tmp_path / "n", quiet=True)
    moved = shutil.move(nested.bundle, tmp_path / "elsewhere")
    assert len(sfumato.load(moved).predict(pictures)) == len(pictures)
    assert (Path(moved) / "members/1/members/0/weights.safetensors").is_file()


def test_an_error_that_is_asked_for_is_that_of_the_cross_fitted_table(root, tmp_path):
    done = sfumato.ensemble([root / "a", root / "b"], out=tmp_path / "e", max_error=0.1, quiet=True)
    table, policy = done.predictions["val"], sfumato.load(done.bundle).policy
    said = policy.apply(table.logits)
    wrong = (said.predicted != table.truth)[~said.abstained].mean()
    assert wrong == pytest.approx(policy.abstention.error) and wrong <= 0.1


def test_bundles_alone_can_be_averaged_and_no_more(root, pictures, tmp_path, capsys):
    bare = [Path(shutil.copytree(root / name / "bundle", tmp_path / name)) for name in "ab"]
    done = sfumato.ensemble(bare, out=tmp_path / "e", quiet=True)
    model = sfumato.load(done.folder)
    assert not model.calibrated and done.summary.fitted_on is None and not done.predictions
    each = [sfumato.load(path).predict(pictures) for path in bare]
    for whole, one, two in zip(model.predict(pictures), *each, strict=True):
        mean = {name: (one.probabilities[name] + two.probabilities[name]) / 2 for name in one.probabilities}
        assert whole.probabilities == pytest.approx(mean, abs=1e-5)
    for more in ({"kind": "weighted"}, {"kind": "stacked"}, {"max_error": 0.1}):
        with pytest.raises(InputError, match="no predictions table beside it") as caught:
            sfumato.ensemble(bare, out=tmp_path / "none", quiet=True, **more)
        assert str(caught.value).startswith(f"{bare[0]}: ")
    assert not (tmp_path / "none").exists()


def other_rows(table: Predictions) -> Predictions:
    return replace(table, ids=("new.png", *table.ids[1:]))


def fewer_rows(table: Predictions) -> Predictions:
    return Predictions(table.ids[1:], table.truth[1:], table.logits[1:], table.labels)


def more_rows(table: Predictions) -> Predictions:
    logits = np.concatenate([table.logits, table.logits[:1]])
    return Predictions((*table.ids, "new.png"), np.append(table.truth, 0), logits, table.labels)


def other_truth(table: Predictions) -> Predictions:
    return replace(table, truth=(table.truth + (np.arange(len(table)) == 3)) % 3)


REFUSED = {
    other_rows: "val.parquet: no sample 'checks/",
    fewer_rows: "val.parquet: no sample 'checks/",
    more_rows: "val.parquet: sample 'new.png', which",
    other_truth: "is 'disc', in",
}


@pytest.mark.parametrize("change", REFUSED)
def test_tables_that_say_other_things_are_refused(root, tmp_path, change):
    shutil.copytree(root / "b", tmp_path / "b")
    path = tmp_path / "b/predictions/val.parquet"
    change(Predictions.read(path)).write(path)
    with pytest.raises(InputError) as caught:
        sfumato.ensemble([root / "a", tmp_path / "b"], out=tmp_path / "out", quiet=True)
    assert REFUSED[change] in str(caught.value) and str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_test_samples_that_are_fitted_on_are_refused(root, tmp_path):
    for name in "ab":
        shutil.copytree(root / name, tmp_path / name)
        shutil.copy(tmp_path / name / "predictions/val.parquet", tmp_path / name / "predictions/test.parquet")
    with pytest.raises(InputError, match="is one that the weights would be fitted on"):
        sfumato.ensemble([tmp_path / "a", tmp_path / "b"], out=tmp_path / "out", quiet=True)


def test_rows_and_classes_in_another_order_are_joined(root, made, tmp_path):
    """The second member lists its samples backwards, and its bundle and tables name the classes in another order."""
    shutil.copytree(root / "b", tmp_path / "b")
    order = [2, 0, 1]
    bundle = bundle_folder.read_bundle(root / "b/bundle")
    names = tuple(bundle.labels.names[i] for i in order)
    for path in (tmp_path / "b/predictions").glob("*.parquet"):
        table = Predictions.read(path)
        back = np.arange(len(table))[::-1]
        truth = np.argsort(order)[table.truth[back]]
        turned = Predictions(table.ids[::-1], truth, table.logits[back][:, order], sfumato.LabelSpace(names))
        turned.write(path)
    weights = dict(bundle.members[0])
    for name in ("head.1.weight", "head.1.bias"):
        weights[name] = weights[name][order]
    samples = tuple(replace(one, logits=tuple(one.logits[i] for i in order)) for one in bundle.samples)
    tasks = type(bundle.tasks)({"": sfumato.LabelSpace(names)})
    shutil.rmtree(tmp_path / "b/bundle")
    bundle_folder.write_bundle(tmp_path / "b/bundle", replace(bundle, members=(weights,), tasks=tasks, samples=samples))
    again = sfumato.ensemble([root / "a", tmp_path / "b"], kind="stacked", out=tmp_path / "e", quiet=True)
    for part in ("val", "test"):
        assert np.allclose(again.predictions[part].logits, made["stacked"].predictions[part].logits, atol=1e-5)
    picture = str(next((root / "photos").rglob("*.png")))
    one, two = (sfumato.load(e.bundle).predict([picture])[0] for e in (again, made["stacked"]))
    assert one.probabilities == pytest.approx(two.probabilities, abs=1e-5)


def test_other_classes_are_refused_with_the_nearest_name(root, tmp_path):
    bundle = bundle_folder.read_bundle(root / "b/bundle")
    tasks = type(bundle.tasks)({"": sfumato.LabelSpace(("check", "disc", "条纹"))})
    bundle_folder.write_bundle(tmp_path / "b", replace(bundle, tasks=tasks))
    with pytest.raises(InputError) as caught:
        sfumato.ensemble([root / "a", tmp_path / "b"], out=tmp_path / "out", quiet=True)
    assert (
        str(caught.value)
        == f"{tmp_path / 'b'}: no class 'checks'; expected the same classes in all; did you mean 'check'?"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["A"], "a single bundle; expected two or more for an ensemble"),
        (["A", "A"], "named twice; expected bundles that differ"),
        (["A", "B", "a/bundle"], "named twice; expected bundles that differ"),
        (["A", "nowhere"], "nowhere: no such bundle"),
        (["A", "photos"], "photos: no bundle there; expected the folder of a finished run"),
        (["A", "B", "--kind", "stackd"], "--kind: 'stackd'; expected one of average, weighted, stacked, mlp;"),
        (
            ["A", "B", "--kind", "weighted", "--weights", "clas"],
            "--weights: 'clas'; expected one of auto, shared, by_c",
        ),
        (["A", "B", "--weights", "shared"], "--weights: no effect with --kind average; expected --kind weighted or"),
        (["A", "B", "--kind", "mlp"], "val.parquet: 32 samples of known class; expected 200 to fit mlp on, or --kind"),
        (["A", "B", "--max-error", "1.5"], "--max-error: 1.5; expected a share above 0 and below 1"),
        (["A", "B", "--out", "A"], "holds something already"),
    ],
)
def test_wrong_input_is_told_in_one_line(root, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(root)
    known = {"A": "a", "B": "b"}
    monkeypatch.setattr("sys.argv", ["sfumato", "ensemble", *(known.get(one, one) for one in arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    said = capsys.readouterr()
    assert (stop.value.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert message in said.err
    assert not (root / "runs").exists()


def test_the_command_line_says_what_it_made(root, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(root)
    monkeypatch.setattr(
        "sys.argv", ["sfumato", "ensemble", "a", "b", "--kind", "weighted", "--out", str(tmp_path / "e"), "--json"]
    )
    with pytest.raises(SystemExit) as stop:
        main()
    document = json.loads(capsys.readouterr().out)
    assert stop.value.code == 0
    assert document["summary"]["kind"] == "weighted" and document["bundle"] == str(tmp_path / "e/bundle")


@pytest.mark.parametrize(("weights", "said"), [("auto", "--weights auto: all classes share them; on"), ("shared", "")])
def test_what_is_chosen_is_said_with_its_reason(root, tmp_path, capsys, weights, said):
    sfumato.ensemble([root / "a", root / "b"], kind="weighted", weights=weights, out=tmp_path / "e")
    printed = " ".join(capsys.readouterr().err.split())
    assert said in printed and ("--weights" in printed) == bool(said)


def test_its_table_stands_in_columns_by_names_short_and_wide(made):
    found = replace(made["weighted"].summary, members=("a", "叶"))
    table = summary_lines(found, made["weighted"].fusion)[1:5]
    ends = [cell_len(line.removesuffix("  best member, by selection")) for line in table]
    assert len(set(ends)) == 1, "\n".join(table)


def test_a_failure_leaves_nothing(root, monkeypatch, tmp_path):
    def fail(*_: object, **__: object) -> None:
        raise RunError("no")

    monkeypatch.setattr("sfumato.ensembles.ensembling.make_ensemble", fail)
    with pytest.raises(RunError):
        sfumato.ensemble([root / "a", root / "b"], out=tmp_path / "e", quiet=True)
    assert not (tmp_path / "e").exists()


def test_an_older_program_refuses_it(made, monkeypatch):
    monkeypatch.setattr(bundle_folder, "FORMAT", 3)
    with pytest.raises(InputError, match="bundle format 4, written by sfumato"):
        sfumato.load(made["average"].bundle)


def test_a_spoilt_ensemble_is_refused_with_the_reason(made, tmp_path):
    spoilt = {
        "members/1/weights.safetensors: changed since": lambda f: flip_a_byte(f / "members/1/weights.safetensors"),
        "fusion.json: not a fusion: ": lambda f: ((f / "fusion.json").write_text("{}"), reseal(f)),
        "damaged: 1 members": lambda f: (shutil.rmtree(f / "members/1"), reseal(f)),
        "golden sample": lambda f: (
            (f / "fusion.json").write_text(
                (f / "fusion.json").read_text().replace("0.5", "0.4", 1).replace("0.5", "0.6")
            ),
            reseal(f),
        ),
    }
    for place, (message, spoil) in enumerate(spoilt.items()):
        copy = Path(shutil.copytree(made["average"].bundle, tmp_path / str(place)))
        spoil(copy)
        with pytest.raises(InputError) as caught:
            sfumato.load(copy)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)
