"""A plain PyTorch loop; with `--tuned` also channels last and glibc's allocator told to keep memory."""

import ctypes
import sys
import time

import torch
from PIL import Image
from task import HALF, Task, build_model, read_task
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

BICUBIC = v2.InterpolationMode.BICUBIC


class Cells(Dataset):
    def __init__(self, task: Task, part: str) -> None:
        flips = [v2.RandomHorizontalFlip(), v2.RandomVerticalFlip(), v2.ColorJitter(0.2, 0.2)]
        size = v2.Resize((task.size, task.size), BICUBIC)
        tail = [v2.ToDtype(torch.float32, scale=True), v2.Normalize(HALF, HALF)]
        self.transform = v2.Compose([v2.ToImage(), size, *(flips if part == "train" else []), *tail])
        self.rows = task.rows(part)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.open(self.rows[i][0]).convert("RGB")), self.rows[i][1]


def main() -> None:
    tuned = "--tuned" in sys.argv
    if tuned:
        sys.argv.remove("--tuned")
        libc = ctypes.CDLL(None)
        for option, value in {-4: 0, -1: 2**31 - 1, -2: 64 * 2**20}.items():
            libc.mallopt(option, value)
    task = read_task()
    layout = torch.channels_last if tuned else torch.contiguous_format
    train = DataLoader(Cells(task, "train"), task.batch, shuffle=True, num_workers=task.workers, drop_last=True)
    val = DataLoader(Cells(task, "val"), 2 * task.batch, num_workers=task.workers)
    model = build_model(task).to(memory_format=layout)
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learning, task.lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, task.lr, total_steps=task.epochs * len(train))
    for _ in range(task.epochs):
        model.train()
        if task.frozen:
            model.eval()
        begin = time.perf_counter()
        for images, targets in train:
            F.cross_entropy(model(images.contiguous(memory_format=layout)), targets).backward()
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
        seconds = time.perf_counter() - begin
        model.eval()
        with torch.inference_mode():
            right = torch.cat([model(images.contiguous(memory_format=layout)).argmax(1) == y for images, y in val])
        task.epoch(len(train) * task.batch, seconds, float(right.float().mean()))
    task.tell()


if __name__ == "__main__":
    main()
