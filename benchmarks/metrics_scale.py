"""What the metrics cost: side by side with scikit-learn's, and a million samples of 100 classes with intervals.

usage: metrics_scale.py [--most N] [--write]      2 to 5 minutes
"""

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np

from sfumato.metrics.average_precision import average_precision
from sfumato.metrics.classification import answer_counts, confusion_matrix, f1, precision
from sfumato.metrics.f_scores import averaged, label_counts
from sfumato.metrics.intervals import percentiles
from sfumato.metrics.label_scores import label_scores
from sfumato.metrics.labelled import Labelled
from sfumato.metrics.ranking import FIGURES, figure, figures
from sfumato.metrics.ranks import coverage, coverage_error, places, top_k
from sfumato.metrics.resampling import resample
from sfumato.metrics.scores import overall, ranked

CLASSES, COMPARED, MOST = 100, 20_000, 1_000_000
MOST_MB = 2000
ROUNDS = 3


def samples(n: int):
    """(N,) truth of a long tail, 30 to 1, and (N, C) float32 probabilities."""
    rng = np.random.default_rng(0)
    shares = np.geomspace(1, 1 / 30, CLASSES)
    truth = rng.choice(CLASSES, n, p=shares / shares.sum())
    scores = rng.standard_normal((n, CLASSES), dtype=np.float32)
    scores[np.arange(n), truth] += 2
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    return truth, scores


def labels(truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """(N, C) bool: the sample's class, and others by chance, 3 to a sample."""
    own = np.random.default_rng(1).random(scores.shape, dtype=np.float32) < 0.02
    own[np.arange(len(truth)), truth] = True
    return own


def pairs(truth: np.ndarray, scores: np.ndarray) -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """Name -> ours and scikit-learn's."""
    from sklearn import metrics as sk

    said, several, every = scores.argmax(axis=1), labels(truth, scores), np.arange(CLASSES)
    named = scores > 0.05
    one_hot = np.eye(CLASSES, dtype=bool)[truth]
    theirs = (one_hot, scores)

    def of_counts(score, how):
        return lambda: averaged(score, answer_counts(truth, said, CLASSES), how)

    def average(of, how):
        return lambda: of(truth, said, labels=every, average=how, zero_division=0)

    return {
        "AUC, macro": (lambda: figure(Labelled(truth, scores), FIGURES["auc"]), lambda: sk.roc_auc_score(*theirs)),
        "AUC, weighted": (
            lambda: figure(Labelled(truth, scores), FIGURES["auc_weighted"]),
            lambda: sk.roc_auc_score(*theirs, average="weighted"),
        ),
        "AUC, micro": (
            lambda: figure(Labelled(truth, scores), FIGURES["auc_micro"]),
            lambda: sk.roc_auc_score(*theirs, average="micro"),
        ),
        "average precision, step, by class": (
            lambda: average_precision(truth, scores),
            lambda: sk.average_precision_score(*theirs, average=None),
        ),
        "average precision, step, several labels": (
            lambda: average_precision(several, scores),
            lambda: sk.average_precision_score(several, scores, average=None),
        ),
        "top-5": (
            lambda: top_k(truth, scores, 5),
            lambda: sk.top_k_accuracy_score(truth, scores, k=5, labels=every),
        ),
        "coverage error, several labels": (
            lambda: coverage_error(several, scores),
            lambda: sk.coverage_error(several, scores),
        ),
        "F1, macro": (of_counts(f1, "macro_all"), average(sk.f1_score, "macro")),
        "F1, weighted": (of_counts(f1, "weighted"), average(sk.f1_score, "weighted")),
        "precision, micro": (of_counts(precision, "micro"), average(sk.precision_score, "micro")),
        "F1, micro, several labels": (
            lambda: averaged(f1, label_counts(several, named), "micro"),
            lambda: sk.f1_score(several, named, average="micro", zero_division=0),
        ),
        "confusion": (
            lambda: confusion_matrix(truth, said, CLASSES),
            lambda: sk.confusion_matrix(truth, said, labels=every),
        ),
    }


def seconds(works: tuple[Callable[[], object], ...]) -> list[float]:
    """The best of ROUNDS of each, in turn; of the processor, so that what else runs on the machine hardly shows."""
    best = [np.inf] * len(works)
    for _ in range(ROUNDS):
        for turn, work in enumerate(works):
            begin = time.process_time()
            work()
            best[turn] = min(best[turn], time.process_time() - begin)
    return best


def compare() -> list[str]:
    """A line a metric: both times and their ratio; the figures are equal."""
    lines = ["| metric | processor seconds | scikit-learn's | times as fast |", "| --- | --- | --- | --- |"]
    slower = []
    for name, (ours, theirs) in pairs(*samples(COMPARED)).items():
        np.testing.assert_allclose(ours(), theirs(), rtol=1e-9, err_msg=name)
        mine, other = seconds((ours, theirs))
        lines.append(f"| {name} | {mine:.4f} | {other:.4f} | {other / mine:.1f} |")
        print(lines[-1], flush=True)
        slower += [name] if other < mine else []
    assert not slower, f"slower than scikit-learn: {slower}"
    return lines


def tasks(truth: np.ndarray, scores: np.ndarray) -> dict[str, Callable[[], object]]:
    """What is measured of the million, each with its interval."""
    said = scores.argmax(axis=1)
    of = Labelled(truth, scores)

    def ranking(name: str) -> Callable[[], object]:
        return lambda: figures(of, wanted={name: FIGURES[name]})[name]

    def mean(values: Callable[[Labelled], np.ndarray]) -> Callable[[], object]:
        def work() -> object:
            found = values(of)
            return percentiles(float(found.mean()), resample(len(found), None, CLASSES).means(found))

        return work

    return {
        **{name: ranking(name) for name in FIGURES},
        "coverage_error": mean(coverage),
        "top_5": mean(lambda data: places(data) <= 5),
        "accuracy, balanced accuracy, F1, precision": lambda: overall(truth, said, CLASSES, None)["macro_f1"],
        "confusion, no interval": lambda: confusion_matrix(truth, said, CLASSES).trace() / len(truth),
        "all of a run with one class a sample": lambda: ranked(truth, scores, None)["map"],
    }


def measure(name: str, n: int) -> dict[str, float | str]:
    """One task in this process."""
    truth, scores = samples(n)
    if name.startswith("all of several labels"):
        own, named = labels(truth, scores), scores > 0.05
        work: Callable[[], object] = lambda: label_scores(own, scores, named)["map"]  # noqa: E731
    else:
        work = tasks(truth, scores)[name]
    begin = time.process_time()
    found = work()
    spent = time.process_time() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": spent, "peak": peak, "found": f"{found:.3f}" if isinstance(found, float) else str(found)}


def million(n: int) -> list[str]:
    lines = [f"| {n:,} samples | figure and interval | processor seconds | peak MB |", "| --- | --- | --- | --- |"]
    peaks = []
    for name in [*tasks(*samples(100)), "all of several labels a sample, macro mAP"]:
        command = [sys.executable, __file__, "--task", name, str(n)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        peaks.append(found["peak"])
        lines.append(f"| {name} | {found['found']} | {found['seconds']:.1f} | {found['peak']:.0f} |")
        print(lines[-1], flush=True)
    assert max(peaks) < MOST_MB, f"{max(peaks):.0f} MB"
    return lines


def main() -> None:
    from sfumato.run_folder import environment

    env, most = environment(), int(sys.argv[sys.argv.index("--most") + 1]) if "--most" in sys.argv else MOST
    scaled = million(most)  # first: a child's peak begins at its parent's
    compared = compare()
    load = os.getloadavg()[0]
    lines = [
        "# Metrics: beside scikit-learn's, and of a million samples",
        "",
        f"`OMP_NUM_THREADS=1 python benchmarks/metrics_scale.py --write`, {date.today()}.",
        f"{env['processor']}, {os.cpu_count()} cores, no GPU; Python {env['python']}, numpy {np.__version__},",
        f"scikit-learn {version('scikit-learn')}. All that ran on the machine: a load of {load:.0f}.",
        "",
        f"{COMPARED:,} samples of {CLASSES} classes, a long tail of 30 to 1, float32 probabilities. No intervals, as",
        f"scikit-learn has none. The figures are equal to 1e-9; each time is the best of {ROUNDS}, in turn.",
        "",
        *compared,
        "",
        f"{most:,} samples of {CLASSES} classes, each line a process of its own. Intervals are of 1,000",
        "resamples, of 1,000 random blocks where scores are ranked. The scores alone are 400 MB of the peak.",
        "",
        *scaled,
    ]
    if "--write" in sys.argv:
        cores = f"{os.cpu_count()}-core-{platform.machine()}"
        target = Path(__file__).parent / "results" / f"metrics_{cores}_{date.today()}.md"
        target.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if "--task" in sys.argv:
        at = sys.argv.index("--task")
        print(json.dumps(measure(sys.argv[at + 1], int(sys.argv[at + 2]))))
    else:
        main()
