"""A head that looks at every place: trained from a frozen beginning, kept, predicted with, and refused where it can't be."""

import json

import numpy as np
import pytest
import torch
from tests.pictures import folder_per_class, marks

import sfumato
from sfumato.data.assumed import Assumed
from sfumato.errors import InputError
from sfumato.export.graph import write_graph
from sfumato.metrics.multilabel_results import MultilabelResults
from sfumato.models.heads import reads_map
from sfumato.predict.graphs import INPUT, LOGITS
from sfumato.preparation.preview import preview
from sfumato.recipe.load import load_recipe
from sfumato.tensor_file import read_tensors
from sfumato.training import feed, frozen_phases

HEAD = {"kind": "ml_decoder", "groups": 2, "width": 32, "attention_heads": 4, "hidden": 64, "dropout": 0}
RECIPE = {
    "name": "places",
    "data": {"source": "table.csv", "columns": {"label": "marks"}, "split": {"val": 0.25, "test": 0.25}},
    "model": {"backbone": "test_efficientnet", "weights": "none", "head": HEAD},
    "train": {"epochs": 7, "optimizer": {"lr": 5e-3}, "precision": "fp32", "workers": 0},
    "timeline": [
        {"at": "0ep", "image_size": 48, "batch_size": 16, "augment": 0, "learn": {"head.*": 1, "*": "frozen"}},
        {"at": "2ep", "learn": {"backbone.*": 1, "head.attend.*": 0.5, "*": 1}, "ema_decay": 0.5},
    ],
}


@pytest.fixture(scope="module", autouse=True)
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("places")
    marks(root, 200)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        yield root


@pytest.fixture(scope="module")
def run(root):
    return sfumato.train(RECIPE, out="run", quiet=True)


def test_it_learns_and_its_bundle_says_the_same(run, root):
    assert MultilabelResults.from_dict(run.metrics["test"]).scores["map"].value > 0.8
    table, model = run.predictions["test"], sfumato.load(run.bundle, device="cpu")
    said = model.predict([root / name for name in table.ids])
    wanted = model.policy.apply(table.logits).probabilities
    found = np.array([[one.probabilities[name] for name in table.labels.names] for one in said])
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    document = json.loads((run.bundle / "model.json").read_text())
    assert document["head"]["kind"] == "ml_decoder"


def test_fixed_queries_stay_as_they_began(run):
    kept = read_tensors(run.bundle / "weights.safetensors")
    torch.manual_seed(0)
    fresh = sfumato.train(RECIPE, overrides={"train.epochs": 3}, out="short", quiet=True)
    again = read_tensors(fresh.bundle / "weights.safetensors")
    assert torch.equal(kept["head.queries"], again["head.queries"])
    assert not torch.equal(kept["head.group_weight"], again["head.group_weight"])


def test_a_map_that_is_kept_trains_as_one_computed_at_every_step(monkeypatch):
    short = {"train.epochs": 2, "timeline": RECIPE["timeline"][:1]}
    one = sfumato.train(RECIPE, overrides=short, out="once", quiet=True)
    monkeypatch.setattr(frozen_phases, "MOST_BYTES", 1e5)
    jobs = []
    told = feed.too_large
    monkeypatch.setattr(feed, "too_large", lambda job: jobs.append(told(job)) or jobs[-1])
    other = sfumato.train(RECIPE, overrides=short, out="each", quiet=True)
    assert "every step computes its own" in jobs[0]
    first, second = (read_tensors(found.bundle / "weights.safetensors") for found in (one, other))
    assert max(float((first[name].double() - second[name].double()).abs().max()) for name in first) < 1e-4


def test_only_the_attention_learns_at_its_own_rate():
    prepared = preview(load_recipe(RECIPE).recipe)
    names = {name for name, _ in prepared.model.named_parameters() if name.startswith("head.attend.")}
    assert names and reads_map(prepared.model.head_spec)
    with pytest.raises(InputError, match=r"pattern 'head.queries' matches no parameter"):
        preview(load_recipe(RECIPE, {"timeline[0].learn": {"head.queries": "frozen", "*": 1}}).recipe)
    learnt = {"timeline[0].learn": {"head.queries": "frozen", "*": 1}, "model.head.queries": "learnt"}
    preview(load_recipe(RECIPE, learnt).recipe)


def test_gradients_are_checkpointed(run):
    given = {"train.gradient_checkpointing": True, "train.epochs": 1, "timeline": RECIPE["timeline"][:1]}
    given["timeline"] = [{**given["timeline"][0], "learn": {"*": 1}}]
    assert sfumato.train(RECIPE, overrides=given, out="checkpointed", quiet=True).metrics["val"]


def test_its_graph_takes_any_number_of_pictures(run, tmp_path):
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    recipe = load_recipe(RECIPE).recipe
    network = preview(recipe).model.eval()
    write_graph(network, 48, tmp_path / "graph.onnx")
    images = np.random.default_rng(0).integers(0, 256, (5, 3, 48, 48), dtype=np.uint8)
    session = runtime.InferenceSession(tmp_path / "graph.onnx")
    (said,) = session.run([LOGITS], {INPUT: images})
    with torch.inference_mode():
        wanted = network.logits(torch.from_numpy(images))
    np.testing.assert_allclose(said, wanted.numpy(), atol=1e-4)


def _refused(overrides: dict) -> str:
    with pytest.raises(InputError) as caught:
        preview(load_recipe(RECIPE, overrides).recipe)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_where_it_has_no_place(root):
    said = _refused({"timeline[1].head": {"kind": "linear"}})
    assert "timeline[1].head: linear looks at pooled features, unlike the head before it" in said
    assert _refused({"timeline[0].head": {"kind": "linear"}, "timeline[1].head": HEAD}).startswith(
        "timeline[1].head: ml_decoder"
    )
    folder_per_class(root / "photos", {"disc": 8, "stripes": 8})
    one = {"data": {"source": str(root / "photos")}}
    assert "an image is of one class here" in _refused(one)
    image_text = {"model": {"kind": "image_text", "image": RECIPE["model"], "text": {"kind": "ngrams"}}}
    with pytest.raises(InputError, match=r"head"):
        load_recipe({**RECIPE, **image_text})
    vit = {"model.backbone": "deit_tiny_distilled_patch16_224", "timeline[0].image_size": 224}
    assert "gives one vector an image and no map" in _refused(vit)


@pytest.mark.parametrize(("classes", "loss"), [(19, "cross_entropy"), (20, "asymmetric")])
def test_many_classes_have_asymmetric_loss_unless_one_is_named(classes, loss):
    without = {**RECIPE, "data": {}}
    found = preview(load_recipe(without).recipe, Assumed(400, classes))
    assert found.plan.at(0).loss.kind == loss
    assert any("asymmetric" in note for note in found.notes) == (loss == "asymmetric")
    named = {**without, "timeline": [{"at": "0ep", "loss": {"kind": "binary_cross_entropy"}}]}
    assert preview(load_recipe(named).recipe, Assumed(400, classes)).plan.at(0).loss.kind == "binary_cross_entropy"
    late = {**without, "timeline": [{"at": "2ep", "ema_decay": 0.5}]}
    assert preview(load_recipe(late).recipe, Assumed(400, classes)).plan.at(0).loss.kind == loss
