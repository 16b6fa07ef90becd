"""timm's own loader, and the step of its training script."""

import time

import torch
from PIL import Image
from task import HALF, build_model, read_task
from timm.data import create_loader
from timm.optim import create_optimizer_v2
from timm.utils import accuracy


class Cells:
    """Rows of the table; timm's loader gives it its transform."""

    transform = None

    def __init__(self, rows: list[tuple[str, int]]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.open(self.rows[i][0]).convert("RGB")), self.rows[i][1]


def main() -> None:
    task = read_task()
    shared = {"input_size": (3, task.size, task.size), "use_prefetcher": False, "num_workers": task.workers}
    shared |= {"mean": HALF, "std": HALF, "interpolation": "bicubic", "persistent_workers": False, "pin_memory": False}
    device = torch.device("cpu")
    flips = {"scale": (1.0, 1.0), "ratio": (1.0, 1.0), "hflip": 0.5, "vflip": 0.5, "color_jitter": 0.2}
    train = create_loader(
        Cells(task.rows("train")), batch_size=task.batch, is_training=True, device=device, **flips, **shared
    )
    val = create_loader(
        Cells(task.rows("val")), batch_size=2 * task.batch, is_training=False, device=device, crop_pct=1.0, **shared
    )
    model = build_model(task)
    optimizer = create_optimizer_v2(model, opt="adamw", lr=task.lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, task.lr, total_steps=task.epochs * len(train))
    for _ in range(task.epochs):
        model.train()
        begin = time.perf_counter()
        for images, targets in train:
            loss = torch.nn.functional.cross_entropy(model(images), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        seconds = time.perf_counter() - begin
        model.eval()
        with torch.inference_mode():
            said = [(model(images), targets) for images, targets in val]
        logits, targets = (torch.cat(parts) for parts in zip(*said, strict=True))
        task.epoch(len(train) * task.batch, seconds, float(accuracy(logits, targets)[0]) / 100)
    task.tell()


if __name__ == "__main__":
    main()
