"""fastai's Learner with the same model, one cycle."""

import time

from fastai.vision.all import (
    Callback,
    CategoryBlock,
    CrossEntropyLossFlat,
    DataBlock,
    Flip,
    FuncSplitter,
    ImageBlock,
    Learner,
    Normalize,
    Resize,
    accuracy,
)
from task import HALF, build_model, read_task


class Watch(Callback):
    """Time of the training part of each epoch."""

    def before_train(self) -> None:
        """Begin."""
        self.learn.began = time.perf_counter()

    def after_train(self) -> None:
        """End of the steps."""
        self.learn.took.append(time.perf_counter() - self.learn.began)

    def after_epoch(self) -> None:
        """End of validation."""
        self.learn.ended.append(time.perf_counter())


def main() -> None:
    task = read_task()
    train, val = task.rows("train"), task.rows("val")
    rows = train + val
    block = DataBlock(
        (ImageBlock, CategoryBlock(vocab=[0, 1])),
        get_x=lambda i: rows[i][0],
        get_y=lambda i: rows[i][1],
        splitter=FuncSplitter(lambda i: i >= len(train)),
        item_tfms=Resize(task.size, method="squish"),
        batch_tfms=[Flip(), Normalize.from_stats(HALF, HALF)],
    )
    loaders = block.dataloaders(list(range(len(rows))), bs=task.batch, num_workers=task.workers, device="cpu")
    learner = Learner(loaders, build_model(task), loss_func=CrossEntropyLossFlat(), metrics=accuracy, cbs=Watch())
    learner.took, learner.ended = [], []
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(task.epochs, task.lr)
    images = len(loaders.train) * task.batch
    for seconds, ended, values in zip(learner.took, learner.ended, learner.recorder.values, strict=True):
        task.epoch(images, seconds, float(values[-1]))
        task.elapsed[-1] = ended - task.begin
    task.tell()


if __name__ == "__main__":
    main()
