"""The dual-encoder project's list of configurations, as recipes to compare."""

import json
from pathlib import Path

import pytest

from sfumato.comparison.contestants import contestants
from sfumato.errors import InputError

WHOLE = {
    "image_encoder_name": "starnet_dual_pyramid_rcf",
    "text_encoder_name": "bert-base-chinese",
    "embed_dim": 256,
    "batch_size": 16,
    "epochs": 40,
    "learning_rate": 2e-4,
    "weight_decay": 0.02,
    "temperature": 0.1,
    "img_size": 96,
    "augmentation": "minimal",
    "num_workers": 2,
    "use_amp": False,
    "gpu_id": 0,
    "save_best": True,
    "use_cv": False,
    "n_splits": 5,
    "text_template": "这是一张{class_name}的医学图像",
    "early_stopping_patience": 30,
    "early_stopping_min_delta": 0.1,
    "early_stopping_monitor": "val_acc",
}
BY_LOSS = {"image_encoder_name": "efficientnet-b0", "early_stopping_patience": 3, "early_stopping_monitor": "val_loss"}
DATA = {"data.source": "/photos"}


def written(folder: Path, content: object) -> Path:
    (folder / "configs.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return folder / "configs.json"


def test_every_key_of_the_list_stands_for_a_setting(tmp_path):
    (tmp_path / "texts.json").write_text("{}")
    more = {**BY_LOSS, "class_texts_file": "texts.json", "early_stopping_min_delta": 0.1}
    first, second, third = contestants([written(tmp_path, [WHOLE, more, {"epochs": 3}])], DATA)
    names = ["configs-1-starnet_dual_pyramid_rcf", "configs-2-efficientnet-b0", "configs-3-medical-clip"]
    assert [first.name, second.name, third.name] == names
    model, train, start = first.recipe.model, first.recipe.train, first.recipe.timeline[0]
    assert (model.image.backbone, model.image.weights, model.text.hub) == (
        "starnet_dual_pyramid_rcf",
        "none",
        "bert-base-chinese",
    )
    assert (model.head.embed_dim, model.head.temperature, start.batch_size, start.image_size) == (256, 0.1, 16, 96)
    assert (train.epochs, train.optimizer.lr, train.optimizer.weight_decay, train.workers) == (40, 2e-4, 0.02, 2)
    assert train.precision == "fp32" and first.recipe.augment.crop == 0.9
    assert model.texts.templates == (WHOLE["text_template"],)
    assert (train.stop.patience, train.stop.min_delta, train.stop.monitor) == (30, 0.001, "accuracy")
    assert (second.recipe.model.image.backbone, second.recipe.model.image.weights) == ("efficientnet_b0", "timm")
    assert second.recipe.model.texts.file == str(tmp_path / "texts.json")
    assert (second.recipe.train.stop.min_delta, second.recipe.train.stop.monitor) == (0.1, "loss")
    assert third.recipe.train.stop is None and third.recipe.train.epochs == 3


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ({"epochs": 3}, "no list of configurations"),
        ([], "no list of configurations"),
        ([3], "configuration 1: found 3; expected an object of settings"),
        ([WHOLE, {"epoch": 3}], "configuration 2: unknown setting 'epoch'; did you mean 'epochs'?"),
        ([{"use_cv": True}], "configuration 1: use_cv: a comparison trains each recipe once; sfumato crossval"),
        ([{"class_texts_file": "gone.json"}], "configuration 1: no such file of class texts"),
        ([{"augmentation": "heavy"}], "augmentation: 'heavy'; expected one of none, minimal, standard"),
        ([{"epochs": "many"}], "configs-1-medical-clip: train.epochs"),
    ],
)
def test_a_mistake_is_told_with_its_place(content, wanted, tmp_path):
    with pytest.raises(InputError) as caught:
        contestants([written(tmp_path, content)], DATA)
    assert wanted in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_no_json(tmp_path):
    (tmp_path / "configs.json").write_text("[{")
    with pytest.raises(InputError, match="not JSON"):
        contestants([tmp_path / "configs.json"], DATA)
