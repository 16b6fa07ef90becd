"""The folder of a check: where each thing lies; never inside the data it is about, and never over an older one."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from sfumato.data.health.examination import Examined
from sfumato.data.health.findings import SAMPLES
from sfumato.errors import InputError
from sfumato.free_folder import free_folder


@dataclass(frozen=True)
class CheckFolder:
    """Paths below a check's folder."""

    path: Path

    @property
    def page(self) -> Path:
        """The page a person looks at."""
        return self.path / "check.html"

    @property
    def data(self) -> Path:
        """findings.csv, bad_images.csv, duplicates.csv and facts.csv."""
        return self.path / "data"

    def write(self, examined: Examined) -> None:
        """Write the tables; their columns are those of the frames, without the binary ones."""
        self.data.mkdir(parents=True)
        tables = {
            "findings": findings_table(examined),
            "bad_images": examined.bad,
            "duplicates": examined.pairs,
            "facts": examined.pictures,
        }
        for name, frame in tables.items():
            readable = [column for column, kind in frame.schema.items() if kind != pl.Binary]
            frame.select(readable).write_csv(self.data / f"{name}.csv")


def findings_table(examined: Examined) -> pl.DataFrame:
    """One row a sample of a finding: code, severity, and the columns of its samples."""
    rows = [
        found.samples.select(pl.lit(found.code).alias("code"), pl.lit(found.kind.severity).alias("severity"), *SAMPLES)
        for found in examined.findings
    ]
    empty = pl.DataFrame(schema={"code": pl.String, "severity": pl.String, **SAMPLES})
    return pl.concat([empty, *rows])


@contextmanager
def new_check_folder(out: str | Path | None, name: str, source: Path) -> Generator[CheckFolder]:
    """A folder for a new check, as for a run.

    Raises:
        InputError: It would lie inside the data, where it would become a part of it; or `out` holds something already.
    """
    outside_of(source, Path(out) if out is not None else Path("runs"))
    with free_folder(out, name) as free:
        yield CheckFolder(free)


def outside_of(source: Path, path: Path) -> None:
    """Refuse a folder inside the data, where what is written would become a part of it.

    Raises:
        InputError: It lies there.
    """
    data = source.resolve()
    if data.is_dir() and path.resolve().is_relative_to(data):
        raise InputError(
            "lies inside the data, of which nothing is changed",
            where=str(path),
            expected="a folder elsewhere",
            mend="name one with --out DIR",
        )
