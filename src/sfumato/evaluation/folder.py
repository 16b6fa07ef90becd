"""The folder of an evaluation: where each thing lies."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sfumato.json_file import read_json
from sfumato.multilabel_predictions import AnyPredictions, read_predictions
from sfumato.tasks import key, of_task


@dataclass(frozen=True)
class Evaluation:
    """A finished evaluation, read from its folder."""

    folder: Path

    @property
    def page(self) -> Path:
        """The page a person looks at."""
        return self.folder / "report.html"

    @property
    def decisions(self) -> Path:
        """A row a sample: what is true of it, what was said, how surely, and what is wrong with bad images."""
        return self.folder / "decisions.csv"

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """`evaluated`: scores with intervals, of several tasks `evaluated.TASK` each; `about`: what was measured."""
        return read_json(self.folder / "metrics.json")

    def table(self, task: str = "") -> Path:
        """The predictions table, of one of several tasks."""
        return self.folder / f"{of_task('predictions', key(task))}.parquet"

    def predictions(self, task: str = "") -> AnyPredictions:
        """What the bundle said of every sample before its decision."""
        return read_predictions(self.table(task))
