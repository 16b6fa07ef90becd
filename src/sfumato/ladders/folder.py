"""The folder of a ladder: that of a run, but that nothing was trained."""

from pathlib import Path

from sfumato.run_folder import RunFolder


class LadderFolder(RunFolder):
    """Paths below it, beside those of a run."""

    @property
    def standing(self) -> Path:
        """How each rung did, and which was chosen."""
        return self.path / "ladder.json"

    @property
    def table(self) -> Path:
        """The same as a table."""
        return self.path / "ladder.csv"

    @property
    def picture(self) -> Path:
        """The same as a picture."""
        return self.path / "ladder.svg"
