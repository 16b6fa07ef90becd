"""Files of class texts as people write them, and each mistake in one clear line with the remedy."""

import json
import shutil
from pathlib import Path

import pytest
from tests.pictures import folder_per_class
from tests.words import tiny_bert
from typer.testing import CliRunner

import sfumato
from sfumato.cli import app
from sfumato.errors import InputError
from sfumato.models.class_text_file import class_texts_text, read_class_texts

NGRAMS = {"kind": "ngrams", "width": 8, "buckets": 64}


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("texts")
    folder_per_class(root / "photos", {"正常": 6, "肺炎": 6, "异常": 6}, 32)
    tiny_bert(root / "encoder", "这是一张正常肺炎异的", places=12)
    (root / "empty").mkdir()
    (root / "odd").mkdir()
    (root / "odd" / "config.json").write_text('{"a": 1}')
    (root / "headless").mkdir()
    for path in (root / "encoder").iterdir():
        if "safetensors" not in path.suffix:
            shutil.copy(path, root / "headless")
    return root


def settings(place: Path, **model) -> dict:
    return {
        "data": {"source": str(place / "photos"), "split": {"near_duplicates": "ignored"}},
        "model": {
            "kind": "dual_encoder",
            "image": {"backbone": "test_resnet", "weights": "none"},
            "text": NGRAMS,
            **model,
        },
        "train": {"epochs": 1, "precision": "fp32", "workers": 0},
        "timeline": [{"at": "0ep", "image_size": 32}],
    }


def given(**texts) -> dict:
    return {"kind": "given", "texts": {name: [some] if isinstance(some, str) else some for name, some in texts.items()}}


WHOLE = {"正常": "没有阴影", "肺炎": "肺部有阴影", "异常": "别的"}
MISTAKES = {
    "a class without a text": (
        {"texts": given(正常="没有阴影", 肺炎="阴影")},
        "model.texts.texts: no text for class '异常'; write one (sfumato texts DATA writes a file with all of them)",
    ),
    "a text without a class": (
        {"texts": given(**WHOLE, 肺癌="肿块")},
        "model.texts.texts: a text for '肺癌', which is no class; expected each class once",
    ),
    "an empty text": (
        {"texts": given(**(WHOLE | {"异常": " "}))},
        "model.texts.texts: an empty text for class '异常'; expected what a picture of it shows",
    ),
    "no text in the list": (
        {"texts": given(**(WHOLE | {"异常": []}))},
        "model.texts.texts: an empty text for class '异常'; expected what a picture of it shows",
    ),
    "two classes with one text": (
        {"texts": given(**(WHOLE | {"异常": "肺部有阴影"}))},
        "model.texts.texts: classes '异常' and '肺炎' have the same text, '肺部有阴影'; say what tells them apart, or "
        "make them one class",
    ),
    "a text twice": (
        {"texts": given(**(WHOLE | {"异常": ["别的", " 别的"]}))},
        "model.texts.texts: class '异常' has a text twice; expected each once",
    ),
    "a template without the name": (
        {"texts": {"templates": ["这是一张图片"]}},
        "model.texts: '这是一张图片' has no {}; expected {} where the name of the class comes",
    ),
    "a template with another place": (
        {"texts": {"templates": ["这是一张{name}的图片"]}},
        "model.texts: '这是一张{name}的图片' has {name}; expected {} where the name of the class comes",
    ),
    "a name that no label file gives": (
        {"texts": {"name": "en"}},
        "model.texts.name: class '异常' has no name in en; expected one in the file of data.labels",
    ),
    "templates of a label file that is not there": (
        {"texts": {"kind": "labels"}},
        "model.texts: class '异常' has no templates; expected templates: [...] for it in the file of data.labels",
    ),
    "no such file": (
        {"texts": {"kind": "file", "file": "texts.yaml"}},
        "/texts.yaml: no such file of class texts; sfumato texts DATA --out texts.yaml writes one",
    ),
    "an image encoder with a typo": (
        {"image": {"backbone": "resnt50", "weights": "none"}},
        "model.image.backbone: timm has no 'resnt50'; did you mean 'resnet50'?",
    ),
    "a text encoder with a typo": (
        {"text": {"hub": "bert-base-chinse"}},
        "model.text: transformers can't read bert-base-chinse",
        "did you mean 'bert-base-chinese'?",
    ),
    "a folder that is no model": (
        {"text": {"folder": "empty"}},
        "model.text.folder: no encoder; expected a folder with config.json",
    ),
    "a folder of something else": ({"text": {"folder": "odd"}}, "model.text: transformers can't read", "model_type"),
    "a folder without weights": ({"text": {"folder": "headless", "window": 12}}, "model.text: transformers can't read"),
    "a folder that is not there": (
        {"text": {"folder": "gone"}},
        "model.text.folder: no encoder; expected a folder with config.json",
    ),
    "a text beyond the window": (
        {"text": {"folder": "encoder", "window": 12}, "texts": {"templates": ["这是一张肺炎肺炎肺炎的{}"]}},
        "model.texts: a text of class '异常' has 15 tokens, and 12 are read ('这是一张肺炎肺炎肺炎的异常' ...); shorten it, "
        "or raise model.text.window as far as the encoder has places",
    ),
    "a window beyond the places": (
        {"text": {"folder": "encoder", "window": 99}},
        "model.text.window: 99 tokens, and the encoder has places for 12; expected at most 12",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_and_nothing_is_written(name, place, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    model, *wanted = MISTAKES[name]
    with pytest.raises(InputError) as caught:
        sfumato.train(settings(place, **model), out=place / "run", quiet=True)
    assert all(part in str(caught.value) for part in wanted), str(caught.value)
    assert "\n" not in str(caught.value) and not (place / "run").exists()


FILES = {
    "no mapping": ("a.yaml", "[肺炎]", "no mapping at its top"),
    "a class twice": ("a.json", '{"正常": "a", "正常": "b"}', "class '正常' stands twice; expected each class once"),
    "no JSON": ("a.json", '{"正常": ', "not JSON: "),
    "a list in JSON": ("a.json", "[1]", "no object in it; expected a text or a list of texts for each class"),
    "a number for a text": ("a.yaml", "正常: 3", "class '正常' has 3; expected a text or a list of texts"),
    "a mapping for a text": (
        "a.yaml",
        "正常: {zh: 正常}",
        "class '正常' has {'zh': '正常'}; expected a text or a list",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_holds_something_else(name, tmp_path):
    file, text, wanted = FILES[name]
    (tmp_path / file).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"^\S+a\.(yaml|json)") as caught:
        read_class_texts(tmp_path / file)
    assert wanted in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "value", "wanted"),
    [
        ("timeline[0].head", {"kind": "linear"}, "timeline[0].head: a dual encoder has no other head than the texts"),
        ("train.accumulate", 2, "train.accumulate: 2 pieces of a batch are not the batch to unicl"),
        ("model", {"backbone": "test_resnet"}, "timeline[0].loss: unicl compares pictures with texts of classes"),
        ("train.interpolate", {}, "train.interpolate: the prototypes head is random when the backbone begins to learn"),
    ],
)
def test_what_goes_with_texts_and_what_does_not(setting, value, wanted, place):
    recipe = settings(place)
    recipe["model"]["text"] = NGRAMS
    recipe["model"]["image"]["weights"] = {"file": "nowhere.pth"}
    recipe["timeline"][0]["loss"] = {"kind": "unicl"}
    with pytest.raises(InputError) as caught:
        sfumato.train(recipe, overrides={setting: value}, out=place / "run", quiet=True)
    assert wanted in str(caught.value)


def test_several_label_columns_are_refused(place, tmp_path):
    photos = sorted((place / "photos").glob("*/*.png"))
    lines = [f"{path},{path.parent.name},{i % 2}" for i, path in enumerate(photos)]
    (tmp_path / "table.csv").write_text("\n".join(["image,finding,side", *lines]), encoding="utf-8")
    changed = {"data.source": str(tmp_path / "table.csv"), "data.columns.label": ["finding", "side"]}
    with pytest.raises(InputError, match=r"model\.kind: answers one question a picture, and there are several label"):
        sfumato.train(settings(place), overrides=changed, out=place / "run", quiet=True)


def test_the_verb_writes_what_recipes_read(place, tmp_path):
    for name, option in (("a.json", []), ("a.yaml", ["--template", "{class_name}的照片", "--template", "{}"])):
        out = tmp_path / name
        done = CliRunner().invoke(app, ["texts", str(place / "photos"), *option, "--out", str(out), "--json"])
        assert done.exit_code == 0 and json.loads(done.stdout)["out"] == str(out)
        found = read_class_texts(out)
        assert found["肺炎"] == (("肺炎的照片", "肺炎") if option else ("肺炎",))
        out.write_text(class_texts_text(found, json_form=name.endswith("json")), encoding="utf-8")
        assert read_class_texts(out) == found
    again = CliRunner().invoke(app, ["texts", str(place / "photos"), "--out", str(tmp_path / "a.json")])
    assert again.exit_code != 0 and "there already" in str(again.exception)


def test_it_asks_for_each_class(place):
    done = CliRunner().invoke(
        app, ["texts", str(place / "photos"), "--interactive", "--template", "一张{}"], input="\n无阴影 | 清晰\n阴影\n"
    )
    assert done.stdout == "异常: 一张异常\n正常:\n- 无阴影\n- 清晰\n肺炎: 阴影\n"
    assert "肺炎  (一张肺炎): " in done.stderr
    cut = CliRunner().invoke(app, ["texts", str(place / "photos"), "--interactive"], input="a\n")
    assert "no answer for class '正常'" in str(cut.exception)


def test_texts_of_label_files(place, tmp_path):
    labels = "labels:\n" + "".join(
        f"  - {{id: {name}, en: {en}, templates: ['a photo of {{}}', '{{}}']}}\n"
        for name, en in (("正常", "normal"), ("肺炎", "pneumonia"), ("异常", "other"))
    )
    (tmp_path / "labels.yaml").write_text(labels, encoding="utf-8")
    changed = {"data.labels": {"file": str(tmp_path / "labels.yaml")}, "model.texts": {"kind": "labels", "name": "en"}}
    run = sfumato.train(settings(place), overrides=changed, out=tmp_path / "run", quiet=True)
    said = json.loads((run.bundle / "model.json").read_text(encoding="utf-8"))["texts"]["texts"]
    assert said["肺炎"] == ["a photo of pneumonia", "pneumonia"]
