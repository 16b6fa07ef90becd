"""What a million pictures cost: the table, each kind of split, near-duplicates and the check, in seconds and memory.

usage: scale.py [TASK ...] [--most N] [--write]      all tasks up to 1,000,000 rows take 15 minutes and 20 GB of disk
"""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
from numpy.typing import NDArray
from PIL import Image

from growth import peak, refuse, table

SIZES = (10_000, 100_000, 1_000_000)
MOST_MB = 2000
LEAST_SECONDS = 0.2
"""Below, a time says more of how the work starts than of how it grows."""
BATCH = 1_000
COPIES = 10
"""Of every BATCH thumbnails, the last so many are cropped copies of the first."""
BASES = 200
SUMMED = 4
TEXT = f"""Each line is a process of its own, with what the command line would have loaded by then; peak MB is the most
it held. Growth is the exponent of the rows that the time rises with, from a tenth of them; 1 is linear. Rows and
thumbnails are synthetic. Thumbnails are sums of {SUMMED} shifted ones out of {BASES} with the spectrum of photographs,
{COPIES} in {BATCH:,} are another cropped by 2 to 10 % a side, with noise; they lie in the cache, as they do after a
first look at every picture: decoding is measured by none of this. Near-duplicates: pairs found, of all that were
planted; no other was found. The check finds the pairs that the search before it has left."""


def table_rows(n: int) -> pl.DataFrame:
    """N rows of a table as a person would write it."""
    rng = np.random.default_rng(0)
    label = np.minimum(rng.geometric(0.05, n), 100)
    return pl.DataFrame({"image": np.arange(n), "label": label}).select(
        pl.format("pictures/{}.jpg", pl.col("image").cast(pl.String).str.zfill(8)).alias("image"),
        pl.format("class {}", "label").alias("label"),
        pl.Series("five", rng.integers(0, n // 5, n)).cast(pl.String),
        pl.Series("third", rng.choice(["a", "b", "c"], n)),
        pl.Series("moment", rng.integers(0, 10**9, n)),
        pl.Series("other", np.minimum(rng.geometric(0.05, n), 100)).map_elements(
            lambda number: f"class {number}", return_dtype=pl.String
        ),
    )


def table_at(folder: Path, **columns: object):
    """The table of those rows, read as a recipe would."""
    from sfumato.data.source import DataSpec, read_table

    return read_table(DataSpec.model_validate({"source": str(folder / "rows.parquet"), **columns}))


def make_rows(folder: Path, n: int) -> None:
    table_rows(n).drop("other").write_csv(folder / "rows.csv")
    rows = table_rows(n).with_columns(labels=pl.concat_list("label", "other").list.unique())
    rows.drop("other").write_parquet(folder / "rows.parquet")


def read_csv(folder: Path, n: int) -> Callable[[], str]:
    from sfumato.data.source import DataSpec, read_table

    def work() -> str:
        assert len(read_table(DataSpec(source=str(folder / "rows.csv")))) == n
        return ""

    return work


def read_parquet(folder: Path, n: int) -> Callable[[], str]:
    def work() -> str:
        assert len(table_at(folder, columns={"label": "label"})) == n
        return ""

    return work


def keep_table(folder: Path, n: int) -> Callable[[], str]:
    """A table written into a run's folder and read back."""
    from sfumato.data.table_file import load_table, write_table

    table = table_at(folder, columns={"label": "label"})

    def work() -> str:
        write_table(folder / "kept.parquet", table)
        assert len(load_table(folder / "kept.parquet")) == n
        return ""

    return work


def splitting(columns: dict[str, str], settings: dict[str, object], stratify: tuple[str, ...] = ()) -> "Prepare":
    def prepare(folder: Path, n: int) -> Callable[[], str]:
        from sfumato.data.splits.spec import SplitSpec
        from sfumato.data.splits.split import split

        spec = SplitSpec.model_validate({**settings, "stratify": stratify})
        table = table_at(folder, columns=columns, split={"stratify": stratify})

        def work() -> str:
            parted = split(table, spec)
            shares = [len(parted.part(name)) / n for name in ("train", "val", "test")]
            return " / ".join(f"{share:.1%}" for share in shares)

        return work

    return prepare


@lru_cache
def bases() -> NDArray[np.float32]:
    """(BASES, 2 SIDE, 2 SIDE): pictures with the spectrum of photographs, each four times over."""
    from sfumato.data.duplicates.fingerprint import SIDE

    rng = np.random.default_rng(0)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.rfftfreq(SIDE), indexing="ij"))
    noise = rng.standard_normal((BASES, *frequency.shape, 2)).view(np.complex128)[..., 0]
    pictures = np.fft.irfft2(noise / np.maximum(frequency, 1 / SIDE), axes=(1, 2))
    return np.tile((pictures / pictures.std(axis=(1, 2), keepdims=True)).astype(np.float32), (1, 2, 2))


def synthetic(rows: slice) -> list[NDArray[np.uint8]]:
    """(SIDE, SIDE) thumbnails: sums of SUMMED of the bases, shifted; the last COPIES are cropped from the first."""
    from sfumato.data.duplicates.fingerprint import SIDE

    rng = np.random.default_rng(rows.start)
    pictures = np.zeros((rows.stop - rows.start - COPIES, SIDE, SIDE), dtype=np.float32)
    for i in range(len(pictures)):
        for base, y, x in zip(rng.integers(0, BASES, SUMMED), *rng.integers(0, SIDE, (2, SUMMED)), strict=True):
            pictures[i] += bases()[base, y : y + SIDE, x : x + SIDE]
    copies: list[NDArray[np.float32]] = []
    for picture in pictures[:COPIES]:
        left, top, right, bottom = (rng.uniform(0.02, 0.10, 4) * SIDE).tolist()
        box = (left, top, SIDE - right, SIDE - bottom)
        copy = Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box)
        copies.append(np.asarray(copy) + rng.normal(0, 0.03, (SIDE, SIDE)))
    return [stretched(picture) for picture in (*pictures, *copies)]


def stretched(picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Over the full range of 0 to 255, as fingerprints are."""
    low, high = picture.min(), picture.max()
    return np.rint((picture - low) * (255 / (high - low))).astype(np.uint8)


def pictures_table(folder: Path, n: int):
    """A table of N pictures that all lie in one file, as those of a Hugging Face data set do."""
    from sfumato.data.table import Task, make_table
    from sfumato.labels import LabelSpace

    number = pl.int_range(n, eager=True).cast(pl.String).str.zfill(8)
    address = pl.format(f"{folder}/pictures.parquet::image/{{}}", number)
    rows = pl.select(number.alias("id"), images=pl.concat_list(address), label=pl.format("{}", number.str.slice(-1)))
    labels = LabelSpace(tuple(str(i) for i in range(10)))
    return make_table(rows, (Task("label", labels),), "pictures")


def make_pictures(folder: Path, n: int) -> None:
    """Fill the caches, as a first look at N pictures would."""
    from sfumato.data.addresses import pictures_of, stamp_of
    from sfumato.data.duplicates.fingerprint import DIGEST_BYTES, Fingerprint, chunks
    from sfumato.data.duplicates.fingerprint_cache import FingerprintCache
    from sfumato.data.health.cache import cache_of

    (folder / "pictures.parquet").write_bytes(b"")
    addresses = pictures_of(pictures_table(folder, n))["image"].to_list()
    stamp = stamp_of(addresses[0])
    assert stamp is not None
    rng = np.random.default_rng(0)
    with FingerprintCache() as cache, ThreadPoolExecutor(2) as pool:
        for many in chunks(n, 10 * BATCH):
            parts = [slice(many.start + part.start, many.start + part.stop) for part in chunks(10 * BATCH, BATCH)]
            for rows, thumbnails in zip(parts, pool.map(synthetic, parts), strict=True):
                for address, thumbnail in zip(addresses[rows], thumbnails, strict=True):
                    cache.add(address, stamp, Fingerprint(rng.bytes(DIGEST_BYTES), thumbnail, 512, flat=False))
    cache_of(folder).write(synthetic_facts(addresses, stamp.mtime_ns))


def synthetic_facts(addresses: list[str], mtime_ns: int) -> pl.DataFrame:
    from sfumato.data.health.facts import Facts, Header, Look, facts_frame

    n, rng = len(addresses), np.random.default_rng(0)
    header = Header("JPEG", True, 640, 480, "RGB", bits=8)
    one = facts_frame([Facts("", 0, mtime_ns, header=header, look=Look(border=bytes(24)))])
    measures = ("brightness", "lightest", "darkest", "contrast", "sharpness", "information")
    return (
        pl.DataFrame({"image": addresses})
        .join(one.drop("image"), how="cross")
        .with_columns(pl.Series(name, rng.normal(0.5, 0.05, n)) for name in measures)
        .with_columns(border=pl.Series([rng.bytes(24) for _ in range(n)]))
        .select(one.columns)
    )


def search(folder: Path, n: int) -> Callable[[], str]:
    """What training does to find near-duplicates: fingerprints, candidates, verification, clusters."""
    import sfumato.preparation.prepare  # noqa: F401  # what a training process holds by then counts
    from sfumato.data.duplicates.clustering import with_clusters
    from sfumato.data.pictures import Pictures
    from sfumato.data.progress import unseen

    table = pictures_table(folder, n)

    def work() -> str:
        found = with_clusters(table, Pictures(0), lambda _: unseen).rows["cluster"]
        clusters = found.cast(pl.Int64).to_numpy()[np.arange(n) % BATCH >= BATCH - COPIES]
        sources = (np.arange(n) - (BATCH - COPIES))[np.arange(n) % BATCH >= BATCH - COPIES]
        assert found.drop_nulls().value_counts()["count"].max() == 2, "a pair was found that is none"
        assert found.drop_nulls().len() == 2 * int(np.isfinite(clusters).sum()), "a pair was found that is none"
        share = float((clusters == sources).mean())
        assert share >= 0.95, f"only {share:.1%} of the copies were found"
        return f"{share:.1%} of {len(sources):,}"

    return work


def check(folder: Path, n: int) -> Callable[[], str]:
    """All of a check but decoding, and the search for copies, whose pairs training has found."""
    import sfumato.check  # noqa: F401
    from sfumato.check_folder import new_check_folder
    from sfumato.data.health.examination import examine
    from sfumato.data.progress import unseen

    table = pictures_table(folder, n)

    def work() -> str:
        with new_check_folder(folder / "check", "check", folder / "nowhere") as out:
            examined = examine(table, folder, lambda _: unseen)
            out.write(examined)
        return f"{len(examined.pairs):,} pairs"

    return work


Prepare = Callable[[Path, int], Callable[[], str]]
BY_LABEL = {"label": "label"}
OF_ROWS: dict[str, Prepare] = {
    "table from CSV": read_csv,
    "table from Parquet": read_parquet,
    "table into a run and back": keep_table,
    "split by chance": splitting(BY_LABEL, {}),
    "split, strata": splitting(BY_LABEL, {}, ("third",)),
    "split, groups of 5": splitting({**BY_LABEL, "group": "five"}, {}),
    "split, two classes a sample": splitting({"label": "labels"}, {}),
    "split by time": splitting({**BY_LABEL, "time": "moment"}, {"by": "time"}),
    "split, 5 folds": splitting(BY_LABEL, {"folds": 5, "fold": 0}),
    "split, 5 folds, groups of 5": splitting({**BY_LABEL, "group": "five"}, {"folds": 5, "fold": 0}),
}
OF_PICTURES: dict[str, Prepare] = {"near-duplicates": search, "check": check}
TASKS = OF_ROWS | OF_PICTURES


def measure(name: str, folder: Path, n: int) -> dict[str, float | str]:
    work = TASKS[name](folder, n)
    begin = time.perf_counter()
    said = work()
    return {"seconds": time.perf_counter() - begin, "peak": peak(), "said": said}


def in_own_process(*arguments: str) -> str:
    folder = arguments[1]
    env = {**os.environ, "XDG_CACHE_HOME": f"{folder}/cache"}
    done = subprocess.run([sys.executable, __file__, "--case", *arguments], stdout=subprocess.PIPE, env=env, check=True)
    return done.stdout.decode()


def measure_all(names: list[str], n: int) -> dict[str, dict[str, float | str]]:
    """Every task at one size; what the tasks work on is made first, and removed."""
    found: dict[str, dict[str, float | str]] = {}
    with TemporaryDirectory() as folder:
        for make, tasks in (("rows", OF_ROWS), ("pictures", OF_PICTURES)):
            mine = [name for name in names if name in tasks]
            if mine:
                in_own_process(make, folder, str(n))
            for name in mine:
                found[name] = json.loads(in_own_process(name, folder, str(n)).splitlines()[-1])
                print(f"{n:,} {name}: {found[name]}", flush=True)
    return found


def main() -> None:
    from sfumato.run_folder import environment

    names = [name for name in TASKS if name in sys.argv] or list(TASKS)
    most = int(sys.argv[sys.argv.index("--most") + 1].replace("_", "")) if "--most" in sys.argv else SIZES[-1]
    found = {n: measure_all(names, n) for n in SIZES if n <= most}
    env, cores = environment(), ",".join(map(str, sorted(os.sched_getaffinity(0))))
    lines = [
        "# Scale: what a million rows and pictures cost",
        "",
        f"`{' '.join(['taskset -c', cores, 'python benchmarks/scale.py', *sys.argv[1:]])}`, {date.today()}.",
        f"{env['processor']}, 2 cores, no GPU;",
        f"Python {env['python']}, numpy {np.__version__}, polars {pl.__version__}.",
        f"All that ran on the machine at the end: a load of {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores.",
        "",
        TEXT,
        "",
        *table(found, "outcome", LEAST_SECONDS),
    ]
    print("\n".join(lines))
    if "--write" in sys.argv:
        target = Path(__file__).parent / "results" / f"scale_2-core-{platform.machine()}_{date.today()}.md"
        target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    refuse(found, MOST_MB, LEAST_SECONDS)


if __name__ == "__main__":
    if "--case" in sys.argv:
        name, folder, size = sys.argv[sys.argv.index("--case") + 1 :]
        makers = {"rows": make_rows, "pictures": make_pictures}
        if name in makers:
            makers[name](Path(folder), int(size))
        else:
            print(json.dumps(measure(name, Path(folder), int(size))))
    else:
        main()
