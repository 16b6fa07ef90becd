"""The trials of a sweep as they are begun, watched and ended."""

from collections.abc import Iterator
from dataclasses import replace

from sfumato.console import Console
from sfumato.errors import InputError, RunError
from sfumato.json_file import write_json
from sfumato.processes.pool import Ended, EpochSeen, News, Pool, Training, sharing_note
from sfumato.recipe.load import load_recipe, to_yaml
from sfumato.report.svg import to_svg
from sfumato.report.sweep_frame import Swept, best_of
from sfumato.report.sweep_picture import draw_sweep
from sfumato.report.sweep_table import trial_line, write_trials
from sfumato.sweeping.folder import SweepFolder
from sfumato.sweeping.scores import epoch_scores, kept_score
from sfumato.sweeping.study import Begun, Study
from sfumato.sweeping.test_part import measure_test
from sfumato.training.records import Noted

HOPELESS = 3
"""Failures after which a sweep ends in which nothing was trained: the next would fail alike."""


def run_trials(folder: SweepFolder, parallel: int, console: Console) -> Swept:
    """Run all trials that are left, measure the best, and write down what came out.

    Raises:
        RunError: The first trials all failed.
    """
    return _Trials(folder, parallel, console).run()


class _Trials:
    def __init__(self, folder: SweepFolder, parallel: int, console: Console) -> None:
        self._folder, self._parallel, self._console = folder, parallel, console
        self._recipe, self._space = folder.read_recipe(), folder.read_space()
        self._planned, self._prune = folder.read_plan()
        train = self._recipe.train
        self._study = Study(folder.database, self._space, train.seed, train.epochs)
        self._begun: dict[str, Begun] = {}
        self._refused: list[str] = []

    def run(self) -> Swept:
        """All trials that are left, then what came of them."""
        try:
            self._train()
            return self._conclude()
        finally:
            self._study.close()

    def _train(self) -> None:
        left = self._planned - len(self._study.trials())
        if left < 1:
            return
        note = sharing_note(min(self._parallel, left))
        if note:
            self._console.note(Noted(note))
        with Pool(self._parallel) as pool:
            ends = self._ends(pool.run(self._trainings(), self._is_wanted))
            for problem in self._console.progress(ends, left, f"{self._planned} trials", "trials/s"):
                self._refuse_hopeless(problem)

    def _trainings(self) -> Iterator[Training]:
        """Interrupted trials first, then new ones, each settled only when there is room for it."""
        waiting = self._study.interrupted()
        while waiting or self._study.begun < self._planned:
            begun = waiting.pop(0) if waiting else self._study.begin()
            training = self._folder.training(begun.number)
            try:
                settled = load_recipe(self._recipe, begun.settings, training.name).recipe
            except InputError as error:  # values that are right one by one, and not together
                self._study.fail(begun.number)
                self._refused.append(str(error))
                continue
            training.recipe.parent.mkdir(exist_ok=True)
            training.recipe.write_text(to_yaml(settled), encoding="utf-8")
            self._begun[training.name] = begun
            yield training

    def _is_wanted(self, seen: EpochSeen) -> bool:
        number = self._begun[seen.training.name].number
        scores = epoch_scores(self._folder.run(number), self._recipe.train.select)
        if len(scores) < seen.epochs:  # a resumed run is writing its history anew
            return True
        worth = self._study.is_worth_going_on(number, seen.epochs, scores[seen.epochs - 1])
        return worth or not self._prune

    def _ends(self, news: Iterator[News]) -> Iterator[str | None]:
        """An item a trial that has ended: what was wrong with it, if anything."""
        for one in news:
            yield from self._take_refused()
            if isinstance(one, Ended):
                self._take(one)
                yield one.problem
        yield from self._take_refused()

    def _take_refused(self) -> Iterator[str]:
        while self._refused:
            problem = self._refused.pop(0)
            self._console.note(Noted(problem, warning=True))
            yield problem

    def _take(self, end: Ended) -> None:
        """Tell the study how a trial ended; one that was stopped and had reached its end already is done."""
        begun = self._begun[end.training.name]
        run = self._folder.run(begun.number)
        if end.problem:
            self._study.fail(begun.number)
            self._console.note(Noted(f"{end.training.name}: {end.problem} ({end.training.log})", warning=True))
        elif end.stopped:
            self._study.give_up(begun.number)
        else:
            self._study.finish(begun.number, kept_score(run, self._recipe.train.select))
        if not end.problem:
            trial = next(one for one in self._study.trials() if one.number == begun.number)
            self._console.note(Noted(trial_line(trial)))

    def _refuse_hopeless(self, problem: str | None) -> None:
        trials = self._study.trials()
        if problem and len(trials) >= HOPELESS and all(trial.state == "failed" for trial in trials):
            raise RunError(f"the first {len(trials)} trials all failed: {problem}")

    def _conclude(self) -> Swept:
        """Measure the best trial on the test part, once, and write down what came out."""
        folder, trials = self._folder, self._study.trials()
        best = best_of(trials)
        swept = Swept(self._recipe.train.select, tuple(trials), best, self._study.importance())
        if best is not None:
            swept = replace(swept, test=measure_test(folder.run(best.number)))
            folder.best.write_text(folder.training(best.number).recipe.read_text(encoding="utf-8"), encoding="utf-8")
        write_trials(folder.table, swept)
        folder.picture.write_text(to_svg(draw_sweep(swept)), encoding="utf-8")
        write_json(folder.result, swept.to_dict())
        return swept
