"""The folder of a soup of runs."""

from dataclasses import dataclass
from pathlib import Path

from sfumato.tasks import key, of_task


@dataclass(frozen=True)
class SoupFolder:
    """Paths below it."""

    path: Path

    @property
    def story(self) -> Path:
        """Every run that was tried, with which score, and whether it was taken in."""
        return self.path / "soup.json"

    @property
    def bundle(self) -> Path:
        """The deployable result; written last."""
        return self.path / "bundle"

    def predictions(self, part: str, task: str = "") -> Path:
        """The predictions table of `val`, the samples that chose, or of `test`; of one of several tasks."""
        return self.path / "predictions" / f"{of_task(part, key(task))}.parquet"
