"""Those of a comparison that are to be trained, each in a process of its own, under one bar."""

from collections.abc import Iterator, Mapping, Sequence

from sfumato.comparison.contestants import Contestant
from sfumato.comparison.folder import ComparisonFolder
from sfumato.console import Console
from sfumato.processes.pool import Ended, News, Pool, epochs_done, sharing_note
from sfumato.run_folder import RunFolder
from sfumato.training.records import Noted


def train_all(folder: ComparisonFolder, found: Sequence[Contestant], parallel: int, console: Console) -> dict[str, str]:
    """Train those that are not finished; name -> why, of those that failed."""
    left = {one.name: one.recipe.train.epochs for one in found if one.recipe and not _is_finished(folder, one.name)}
    if not left:
        return {}
    note = sharing_note(min(parallel, len(left)))
    if note:
        console.note(Noted(note))
    failed: dict[str, str] = {}
    done = {name: epochs_done(folder.training(name).run) for name in left}
    total = len(left) + sum(left.values()) - sum(done.values())
    with Pool(parallel) as pool:
        news = pool.run(map(folder.training, left))
        for ended in console.progress(_by_epoch(news, left, done), total, f"{len(left)} to train", "epochs/s"):
            if ended is None:
                continue
            name = ended.training.name
            if ended.problem:
                failed[name] = ended.problem
            words = f"failed: {ended.problem} ({ended.training.log})" if ended.problem else "trained"
            console.note(Noted(f"{name}: {words}", warning=bool(ended.problem)))
    return failed


def _by_epoch(news: Iterator[News], epochs: Mapping[str, int], done: dict[str, int]) -> Iterator[Ended | None]:
    """An item an epoch and one an end; where a training ended early, also for the epochs it had left."""
    for one in news:
        name = one.training.name
        if not isinstance(one, Ended):
            if one.epochs > done[name]:
                done[name] = one.epochs
                yield None
            continue
        yield one
        yield from (None for _ in range(epochs[name] - done[name]))


def _is_finished(folder: ComparisonFolder, name: str) -> bool:
    run = RunFolder(folder.training(name).run)
    return run.bundle.is_dir() and run.report.is_file()
