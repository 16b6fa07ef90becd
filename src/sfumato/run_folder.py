"""The folder of a run: where each thing lies, written so that a person finds it and the program can go on from it."""

import hashlib
import platform
import shlex
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from sfumato.data.table import Table
from sfumato.data.table_file import load_table, split_rows, write_table
from sfumato.errors import InputError
from sfumato.free_folder import free_folder, holds_something, make_folder
from sfumato.json_file import read_json, write_json
from sfumato.recipe.load import Loaded, load_recipe, to_yaml
from sfumato.recipe.schema import Recipe
from sfumato.tasks import key, of_task
from sfumato.version import VERSION

PLAN_FILES = ("plan.txt", "plan.svg", "plan.png")


@dataclass(frozen=True)
class RunFolder:
    """Paths below a run's folder."""

    path: Path

    @property
    def recipe(self) -> Path:
        """The resolved recipe."""
        return self.path / "recipe.yaml"

    @property
    def data(self) -> Path:
        """splits.csv and bad_images.csv."""
        return self.path / "data"

    @property
    def elements(self) -> Path:
        """What was found in the samples' pictures; there where candidates are narrowed by it."""
        return self.data / "elements.parquet"

    @property
    def history(self) -> Path:
        """One row an epoch."""
        return self.path / "history.csv"

    @property
    def history_by_column(self) -> Path:
        """The same by column, for programs that draw curves."""
        return self.path / "history.json"

    @property
    def class_history(self) -> Path:
        """One row an epoch and class."""
        return self.path / "class_history.csv"

    @property
    def averages(self) -> Path:
        """One row for each set of weights there was to choose from; only where weights were averaged."""
        return self.path / "averages.csv"

    @property
    def checkpoints(self) -> Path:
        """`last`, `previous`, `best` and those kept for good."""
        return self.path / "checkpoints"

    @property
    def metrics(self) -> Path:
        """Scores with intervals, of each part that was measured."""
        return self.path / "metrics.json"

    @property
    def tau_curve(self) -> Path:
        """Validation scores at each strength of post-hoc logit adjustment."""
        return self.tau_curve_of("")

    def tau_curve_of(self, task: str) -> Path:
        """The same of one of several tasks; of an only one `tau_curve`."""
        return self.path / f"{of_task('tau_curve', key(task))}.csv"

    @property
    def cost(self) -> Path:
        """Seconds, peak memory and parameters of the training."""
        return self.path / "cost.json"

    @property
    def teacher(self) -> Path:
        """What is known of the bundle that taught the run, if one did."""
        return self.path / "teacher" / "teacher.json"

    @property
    def teacher_answers(self) -> Path:
        """What it says of every training picture."""
        return self.path / "teacher" / "answers.npy"

    @property
    def environment(self) -> Path:
        """Versions, hardware, command, and what was chosen automatically."""
        return self.path / "env.json"

    @property
    def bundle(self) -> Path:
        """The deployable result."""
        return self.path / "bundle"

    @property
    def report(self) -> Path:
        """The page a person looks at."""
        return self.path / "report.html"

    def predictions(self, part: str, task: str = "") -> Path:
        """The predictions table of a part; of one of several tasks."""
        return self.path / "predictions" / f"{of_task(part, key(task))}.parquet"

    @property
    def views(self) -> Path:
        """Which views are used, and what was tried; there where the recipe asks for a choice."""
        return self.path / "views.json"

    def view_predictions(self, part: str, task: str = "") -> Path:
        """The predictions table of a part in each view, where the recipe asks for views."""
        return self.predictions(f"{part}.views", task)

    def load_recipe(self) -> Loaded:
        """The resolved recipe."""
        return load_recipe(self.recipe)

    def write_inputs(self, recipe: Recipe, table: Table, bad: pl.DataFrame, notes: list[str]) -> None:
        """Write what a resumed run and the report read: recipe, splits, bad images, environment."""
        make_folder(self.data)
        self.recipe.write_text(to_yaml(recipe), encoding="utf-8")
        write_table(self.data / "table.parquet", table)
        split_rows(table).write_csv(self.data / "splits.csv")
        bad.write_csv(self.data / "bad_images.csv")
        write_json(self.environment, {**environment(), "notes": notes})

    def read_table(self) -> Table:
        """The samples of the run with their parts, as they were when it began."""
        return load_table(self.data / "table.parquet")

    def fingerprint(self) -> dict[str, str | int]:
        """What tells the data of this run from any other: its name, samples, and the SHA-256 of splits.csv."""
        splits = self.data / "splits.csv"
        source = Path(self.load_recipe().recipe.data.given).name
        digest = hashlib.sha256(splits.read_bytes()).hexdigest()
        return {"source": source, "samples": len(self.read_table()), "splits_sha256": digest}

    def read_environment(self) -> dict[str, Any]:
        """What `write_inputs` wrote to env.json."""
        return read_json(self.environment)


@contextmanager
def new_folder(out: str | Path | None, name: str) -> Generator[RunFolder]:
    """A folder for a new run: `out`, or `runs/NAME` with the first number that is free; as `free_folder`."""
    with free_folder(out, name) as path:
        yield RunFolder(path)


def check_plan_folder(path: Path) -> None:
    """Refuse a folder that holds anything but an earlier plan.

    Raises:
        InputError: It does, or it is a file.
    """
    if holds_something(path) and not (path.is_dir() and {one.name for one in path.iterdir()} <= set(PLAN_FILES)):
        raise InputError("holds something else", where=str(path), expected="a new folder, or that of an earlier plan")


def open_folder(path: str | Path) -> RunFolder:
    """The folder of a run that exists.

    Raises:
        InputError: There is none.
    """
    folder = RunFolder(Path(path))
    if not (folder.data / "splits.csv").is_file():
        raise InputError("no run there", where=str(path), expected="the folder of a run, such as runs/small")
    return folder


def environment() -> dict[str, Any]:
    """Where and how this process runs."""
    packages = ("torch", "torchvision", "timm", "accelerate", "numpy", "polars", "pillow")
    return {
        "sfumato": VERSION,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
        "system": platform.platform(),
        "processor": _processor(),
        "command": shlex.join(["sfumato", *sys.argv[1:]]) if Path(sys.argv[0]).stem == "sfumato" else "Python",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
