"""What fusing a million predictions of a hundred classes costs, in seconds and memory.

usage: fusion_scale.py [--most N] [--write]      up to 1,000,000 rows take about 10 minutes and 2 GB of disk
"""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from growth import peak, refuse, table

SIZES = (10_000, 100_000, 1_000_000)
CLASSES, MEMBERS = 100, 3
MOST_MB = 2000
LEAST_SECONDS = 0.5
"""Below, a time says more of how the work starts than of how it grows."""
STRENGTHS = (2.2, 2.0, 1.6)
"""Of what each member sees of the truth, in standard deviations of its noise."""
TEXT = f"""{MEMBERS} members say {CLASSES} float32 logits of each row, normal noise with the true class raised by
{", ".join(map(str, STRENGTHS))}; the second lists the rows in another order. Each line is a process of its own.
`write` and `read` are one predictions table. `weighted` has weights that all classes share; `mlp` is fitted on at most
20,000 rows. The kinds join the tables by id, fit a fusion (on as many rows as tell its weights), cross-fit it over 5
folds, fuse every row, and fit a temperature; no network is there. Scores with intervals, which resample all rows a
thousand times, are not in it. Peak MB is the most the process held. Growth is the exponent of the
rows that the time rises with, from a tenth of them; 1 is linear."""


def table_of(member: int, n: int):
    """What a member says; float32 throughout, so that making it is not what is measured."""
    from sfumato.labels import LabelSpace
    from sfumato.predictions import Predictions

    truth = np.random.default_rng(0).integers(0, CLASSES, n)
    logits = np.random.default_rng(1 + member).standard_normal((n, CLASSES), dtype=np.float32)
    logits[np.arange(n), truth] += np.float32(STRENGTHS[member])
    logits *= np.float32(STRENGTHS[member])
    order = np.random.default_rng(9).permutation(n) if member == 1 else np.arange(n)
    ids = tuple(f"pictures/{row:08}.jpg" for row in order.tolist())
    space = LabelSpace(tuple(f"class {c}" for c in range(CLASSES)))
    return Predictions(ids, truth[order], logits if member != 1 else logits[order], space)


def path_of(folder: Path, member: int) -> Path:
    return folder / f"member-{member}.parquet"


def make(folder: Path, member: int, n: int) -> None:
    table_of(member, n).write(path_of(folder, member))


def write(folder: Path, n: int) -> Callable[[], str]:
    table = table_of(0, n)

    def work() -> str:
        table.write(folder / "again.parquet")
        (folder / "again.parquet").unlink()
        return ""

    return work


def read(folder: Path, n: int) -> Callable[[], str]:
    from sfumato.predictions import Predictions

    def work() -> str:
        assert len(Predictions.read(path_of(folder, 0))) == n
        return ""

    return work


def fuse(kind: str, sharing: str = "auto") -> Callable[[Path, int], Callable[[], str]]:
    def prepare(folder: Path, n: int) -> Callable[[], str]:
        from sfumato.decision.policy import Policy
        from sfumato.ensembles.fusing import fit_tables
        from sfumato.ensembles.joined import join_tables
        from sfumato.ensembles.measuring import fit_decision
        from sfumato.metrics.paired import mcnemar

        paths = [path_of(folder, member) for member in range(MEMBERS)]

        def work() -> str:
            joined = join_tables(paths, [Policy()] * MEMBERS)
            fitted = fit_tables(kind, joined, sharing=sharing)
            table = joined.samples.table(fitted.fused.logits)
            assert len(table) == n
            assert fit_decision(table, None).calibrator.fitted
            single, said = fitted.fused.answers[fitted.best_member], table.logits.argmax(axis=1)
            found = mcnemar(table.truth, said, single)
            assert found.only_a > found.only_b
            return f"{(said == table.truth).mean():.4f}, best member {(single == table.truth).mean():.4f}"

        return work

    return prepare


TASKS = {
    "write": write,
    "read": read,
    "average": fuse("average"),
    "weighted": fuse("weighted", "shared"),
    "weighted by class": fuse("weighted", "by_class"),
    "stacked": fuse("stacked"),
    "mlp": fuse("mlp"),
}


def measure(name: str, folder: Path, n: int) -> dict[str, float | str]:
    work = TASKS[name](folder, n)
    begin = time.perf_counter()
    said = work()
    return {"seconds": time.perf_counter() - begin, "peak": peak(), "said": said}


def in_own_process(*arguments: str) -> str:
    done = subprocess.run([sys.executable, __file__, "--case", *arguments], stdout=subprocess.PIPE, check=True)
    return done.stdout.decode()


def measure_all(n: int) -> dict[str, dict[str, float | str]]:
    found: dict[str, dict[str, float | str]] = {}
    with TemporaryDirectory() as folder:
        for member in range(MEMBERS):
            in_own_process(f"make {member}", folder, str(n))
        for name in TASKS:
            found[name] = json.loads(in_own_process(name, folder, str(n)).splitlines()[-1])
            print(f"{n:,} {name}: {found[name]}", flush=True)
    return found


def main() -> None:
    from sfumato.run_folder import environment

    most = int(sys.argv[sys.argv.index("--most") + 1].replace("_", "")) if "--most" in sys.argv else SIZES[-1]
    found = {n: measure_all(n) for n in SIZES if n <= most}
    env, cores = environment(), ",".join(map(str, sorted(os.sched_getaffinity(0))))
    lines = [
        "# Fusing a million predictions of a hundred classes",
        "",
        f"`{' '.join(['taskset -c', cores, 'python benchmarks/fusion_scale.py', *sys.argv[1:]])}`, {date.today()}.",
        f"{env['processor']}, {len(os.sched_getaffinity(0))} cores, no GPU;",
        f"Python {env['python']}, numpy {np.__version__}, polars {pl.__version__}.",
        f"All that ran on the machine at the end: a load of {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores.",
        "",
        TEXT,
        "",
        *table(found, "accuracy", LEAST_SECONDS),
    ]
    print("\n".join(lines))
    if "--write" in sys.argv:
        cores = len(os.sched_getaffinity(0))
        name = f"fusion-scale_{cores}-core-{platform.machine()}_{date.today()}.md"
        (Path(__file__).parent / "results" / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    refuse(found, MOST_MB, LEAST_SECONDS)


if __name__ == "__main__":
    if "--case" in sys.argv:
        name, folder, size = sys.argv[sys.argv.index("--case") + 1 :]
        if name.startswith("make"):
            make(Path(folder), int(name.split()[1]), int(size))
        else:
            print(json.dumps(measure(name, Path(folder), int(size))))
    else:
        main()
