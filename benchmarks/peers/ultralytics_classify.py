"""Ultralytics' classifier. It takes no model of timm's: its own yolo11n-cls, of random weights, on the same cells."""

import tempfile
import time
from pathlib import Path

from task import read_task
from ultralytics import YOLO, settings


def main() -> None:
    task = read_task()
    settings.update({name: False for name in ("tensorboard", "wandb", "mlflow", "sync") if name in settings})
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for part in ("train", "val"):
            for i, (path, label) in enumerate(task.rows(part)):
                folder = root / "data" / part / ("defective" if label else "functional")
                folder.mkdir(parents=True, exist_ok=True)
                (folder / f"{i}.png").symlink_to(path)
        model, ends, begins, scores = YOLO("yolo11n-cls.yaml"), [], [], []
        model.add_callback("on_train_epoch_start", lambda _: begins.append(time.perf_counter()))
        model.add_callback("on_train_epoch_end", lambda _: ends.append(time.perf_counter()))
        model.add_callback(
            "on_fit_epoch_end", lambda trainer: scores.append(trainer.metrics.get("metrics/accuracy_top1"))
        )
        chosen = {"epochs": task.epochs, "imgsz": task.size, "batch": task.batch, "workers": task.workers}
        model.train(
            data=str(root / "data"), project=str(root), device="cpu", plots=False, verbose=False, amp=False, **chosen
        )
    images = len(task.rows("train"))
    for begin, end, score in zip(begins, ends, scores, strict=False):
        task.epoch(images, end - begin, float(score or 0.0))
        task.elapsed[-1] = end - task.begin
    task.tell()


if __name__ == "__main__":
    main()
