"""A bundle with graphs answers as it did by its weights, whatever it is made of; rounded, nearly so, and it is said."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.pictures import picture
from tests.products import products, recipe
from typer.testing import CliRunner

import sfumato
from sfumato.bundle.folder import read_bundle
from sfumato.cli.app import app
from sfumato.errors import InputError, RunError
from sfumato.export import exporting
from sfumato.export.bench import bench
from sfumato.export.exporting import export
from sfumato.predict import inference_engine
from sfumato.predict.explainer import explainer_of
from sfumato.predict.predictor import Predictor, load

FAMILIAR = {"decision.familiar": {"by": "mahalanobis", "refused": 0.1}}
PICTURES = [np.asarray(picture(kind, 70 + seed)) for seed in range(11) for kind in ("disc", "stripes", "checks")]


@pytest.fixture(scope="module")
def run(small_recipe, tmp_path_factory) -> sfumato.Run:
    return sfumato.train(small_recipe, overrides=FAMILIAR, out=tmp_path_factory.mktemp("export") / "run", quiet=True)


@pytest.fixture(scope="module")
def exported(run) -> Path:
    return export(run.folder, quiet=True).folder


def said(predictor: Predictor, inputs=PICTURES):
    rows = [row for _, row in predictor.scored(inputs)]
    return np.concatenate([row.logits for row in rows]), np.concatenate([row.familiarity for row in rows])


def test_graphs_answer_as_the_weights_do_whatever_the_number_of_pictures(run, exported):
    weights, graphs = load(run.bundle, device="cpu", engine="torch"), load(exported, device="cpu")
    assert graphs.engine == ("onnx", "the bundle holds graphs, and ONNX Runtime is quicker on a processor")
    for count in (1, 2, 33):
        for one, other in zip(said(weights, PICTURES[:count]), said(graphs, PICTURES[:count]), strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-4)
    both = zip(weights.predict(PICTURES), graphs.predict(PICTURES), strict=True)
    assert sum(one.label == other.label and one.abstained == other.abstained for one, other in both) == len(PICTURES)


def test_a_graph_computes_with_as_many_threads_as_torch(exported, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "4,2")  # of nested loops: torch takes the first
    assert load(exported, device="cpu", engine="onnx").predict(PICTURES[:1])[0].error is None


def test_a_bundle_that_graphs_compute_is_explained_by_its_weights(run, exported):
    weights, graphs = (load(exported, device="cpu", engine=engine) for engine in ("torch", "onnx"))
    assert weights.explains and graphs.explains
    maps = []
    for one in (weights.explainer(), graphs.explainer(), explainer_of(read_bundle(run.bundle), "run")):
        images = torch.stack([one.preprocess(pixels.copy()) for pixels in PICTURES[:4]])
        maps.append(one.maps(images, [0, 1, 2, 0]))
    np.testing.assert_allclose(maps[0], maps[2], atol=1e-6)
    assert np.array_equal(maps[1], maps[2])


def test_what_can_not_be_read_is_told_by_either_engine(exported, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    found = load(exported, device="cpu", engine="onnx").predict([PICTURES[0], tmp_path / "bad.png", PICTURES[1]])
    assert [one.error is None for one in found] == [True, False, True]


def test_the_copy_is_a_bundle_like_any_other_and_the_first_is_left_as_it_was(run, exported):
    first, copy = (json.loads((folder / "manifest.json").read_text()) for folder in (run.bundle, exported))
    assert {**first, "files": None} == {**copy, "files": None}
    assert set(copy["files"]) - set(first["files"]) == {"network-0.onnx", "graph.json"}
    assert read_bundle(run.bundle).graphs == ()
    assert load(exported, device="cpu", engine="torch").engine.name == "torch"


def test_a_graph_that_was_changed_is_refused(exported, tmp_path):
    copy = shutil.copytree(exported, tmp_path / "copy")
    graph = copy / "network-0.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match=r"network-0\.onnx: changed since it was written"):
        load(copy)


@pytest.mark.slow
def test_folds_and_ensembles_have_a_graph_for_every_network(small_recipe, tmp_path):
    short = {"train.epochs": 1, "timeline": [{"at": "0ep", "image_size": 32, "batch_size": 16}]}
    cv = sfumato.crossval(small_recipe, folds=2, overrides=short, out=tmp_path / "cv", quiet=True)
    runs = [
        sfumato.train(small_recipe, overrides={**short, "train.seed": seed}, out=tmp_path / f"run-{seed}", quiet=True)
        for seed in range(2)
    ]
    both = sfumato.ensemble([str(one.folder) for one in runs], kind="average", out=tmp_path / "both", quiet=True)
    for bundle, graphs in ((cv.folder, 2), (both.bundle, 2)):
        done = export(bundle, tmp_path / f"{bundle.parent.name}-{bundle.name}-onnx", quiet=True)
        assert len(list(done.folder.rglob("network-*.onnx"))) == graphs
        weights, onnx = load(done.folder, device="cpu", engine="torch"), load(done.folder, device="cpu")
        assert onnx.engine.name == "onnx"
        rows = [[row.logits for _, row in one.scored(PICTURES)] for one in (weights, onnx)]
        np.testing.assert_allclose(*map(np.concatenate, rows), rtol=1e-3, atol=1e-3)


def test_rounded_to_8_bits_it_decides_nearly_alike_and_loads_anew(run, tmp_path):
    done = export(run.folder, tmp_path / "int8", int8=True, images=PICTURES, least_same=0.5, quiet=True)
    assert done.own.pictures == len(PICTURES) // 2  # the others gave the ranges
    assert done.own.same >= 0.5
    about = json.loads((done.folder / "graph.json").read_text())
    assert about["precision"] == "int8"
    assert about["rounding"] == pytest.approx(done.golden.farthest)
    assert 1e-6 < done.golden.farthest < 0.5
    assert load(done.folder, device="cpu").engine.name == "onnx"
    small, whole = (
        folder.stat().st_size for folder in (done.folder / "network-0.onnx", run.bundle / "weights.safetensors")
    )
    assert small < whole


@pytest.mark.slow
def test_graphs_that_decide_otherwise_are_not_kept(run, tmp_path, monkeypatch):
    out = tmp_path / "out"
    with pytest.raises(RunError, match=r"of 16 pictures are decided alike, asked for 110\.0%; the graphs are not kept"):
        export(run.folder, out, int8=True, images=PICTURES, least_same=1.1, quiet=True)
    monkeypatch.setattr(exporting, "write_graph", _of_another(exporting.write_graph))
    with pytest.raises(RunError, match="the graphs compute something else than the weights, and are not kept"):
        export(run.folder, out, quiet=True)
    assert list(tmp_path.iterdir()) == []


def _of_another(write):
    def changed(network, side, path):
        for parameter in network.parameters():
            parameter.data.mul_(1.1)
        write(network, side, path)

    return changed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "onx"], "--to: no form 'onx'; expected onnx; did you mean 'onnx'?"),
        (["--int8"], "--int8 needs 16 pictures or more, 0 given; add --images FOLDER"),
        (["--out", "taken"], "taken: holds something already; expected a new or empty folder for --out"),
        (["--images", "gone", "--out", "new"], "--images: none of the 1 pictures can be read"),
    ],
)
def test_what_makes_no_sense_is_one_line(run, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine").write_text("x")
    with pytest.raises(InputError) as failure:
        CliRunner().invoke(app, ["export", str(run.folder), "--quiet", *arguments], catch_exceptions=False)
    assert message in str(failure.value)
    assert not (run.folder / "bundle-int8").exists()


@pytest.mark.slow
def test_bundles_that_have_no_graph_say_so(run, tmp_path, small_recipe):
    products(tmp_path / "table", 40)
    path = recipe(tmp_path / "table")
    reads = sfumato.train(path, overrides={"train.epochs": 2}, out=tmp_path / "reads", quiet=True)
    with pytest.raises(InputError, match=rf"^{reads.bundle}: it reads texts, of samples or of classes, and a graph is"):
        export(reads.folder, quiet=True)
    assert not list(reads.folder.glob("*onnx*"))
    views = {
        "views": {"sizes": [40], "use": "always"},
        "train.epochs": 1,
        "timeline": [{"at": "0ep", "batch_size": 16}],
    }
    sized = sfumato.train(small_recipe, overrides=views, out=tmp_path / "sized", quiet=True)
    with pytest.raises(InputError, match="it looks at pictures at 2 sizes"):
        export(sized.folder, quiet=True)
    with pytest.raises(InputError, match="engine onnx: the bundle holds no graphs; sfumato export"):
        load(run.bundle, device="cpu", engine="onnx")
    with pytest.raises(
        InputError, match="no engine 'onx'; expected one of auto, torch, bf16, onnx; did you mean 'onnx'"
    ):
        load(run.bundle, engine="onx")  # type: ignore[arg-type]


def test_bf16_rounds_and_is_refused_where_it_would_be_imitated(run, monkeypatch):
    monkeypatch.setattr(inference_engine, "has_bf16", lambda device: False)
    with pytest.raises(InputError, match="engine bf16: the device cpu computes nothing in bf16; expected torch, or"):
        load(run.bundle, device="cpu", engine="bf16")
    monkeypatch.setattr(inference_engine, "has_bf16", lambda device: True)
    weights, rounded = (load(run.bundle, device="cpu", engine=name) for name in ("torch", "bf16"))
    assert rounded.engine == ("bf16", "asked for")
    (exact, _), (coarse, _) = said(weights), said(rounded)
    assert 0 < np.abs(exact - coarse).max() < 0.02 * (1 + np.abs(exact).max())
    before, after = (predictor.predict(PICTURES) for predictor in (weights, rounded))
    assert [one.label for one in before] == [one.label for one in after]
    monkeypatch.setattr("sfumato.export.bench.has_bf16", lambda device: True)
    assert [one.engine for one in bench(run.bundle, PICTURES[:2], device="cpu", quiet=True).speeds] == ["torch", "bf16"]


def test_every_engine_is_measured(exported, tmp_path):
    found = bench(exported, device="cpu", quiet=True)
    assert [one.engine for one in found.speeds if one.engine != "bf16"] == ["torch", "onnx"]
    assert all(one.images_per_second > 0 and one.look_seconds > 0 and one.decode_seconds == 0 for one in found.speeds)
    picture("disc", 1).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    done = CliRunner().invoke(app, ["bench", str(exported), "--images", str(tmp_path), "--device", "cpu", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    assert (told["pictures"], told["given"]) == (1, True)
    assert all(one["decode_seconds"] > 0 for one in told["engines"])
