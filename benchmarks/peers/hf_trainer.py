"""The Trainer of transformers around the same model."""

import tempfile
import time

import torch
from plain import Cells
from task import Task, build_model, read_task
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainingArguments


class Wrapped(torch.nn.Module):
    """What the Trainer expects: a loss and logits by name."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixel_values: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        """(B, 3, H, W) and (B,) -> the loss and (B, 2) logits."""
        logits = self.model(pixel_values)
        return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}


class Watch(TrainerCallback):
    """Time of the steps of each epoch, and validation after it."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.val = DataLoader(Cells(task, "val"), 2 * task.batch, num_workers=task.workers)
        self.images = len(task.rows("train")) // task.batch * task.batch

    def on_epoch_begin(self, *_, **__) -> None:
        """Begin."""
        self.began = time.perf_counter()

    def on_epoch_end(self, *_, model, **__) -> None:
        """End of the steps."""
        seconds = time.perf_counter() - self.began
        model.eval()
        with torch.inference_mode():
            right = torch.cat([model.model(images).argmax(1) == targets for images, targets in self.val])
        model.train()
        self.task.epoch(self.images, seconds, float(right.float().mean()))


def main() -> None:
    task = read_task()

    def collate(cells):
        images, targets = zip(*cells, strict=True)
        return {"pixel_values": torch.stack(images), "labels": torch.tensor(targets)}

    with tempfile.TemporaryDirectory() as out:
        arguments = TrainingArguments(
            out,
            per_device_train_batch_size=task.batch,
            num_train_epochs=task.epochs,
            learning_rate=task.lr,
            warmup_steps=0.25,
            save_strategy="no",
            dataloader_num_workers=task.workers,
            dataloader_drop_last=True,
            remove_unused_columns=False,
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
        )
        train = Cells(task, "train")
        model = Wrapped(build_model(task))
        Trainer(model, arguments, data_collator=collate, train_dataset=train, callbacks=[Watch(task)]).train()
    task.tell()


if __name__ == "__main__":
    main()
