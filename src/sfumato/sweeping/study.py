"""What optuna remembers and suggests: trials in a SQLite file, each suggestion a function of seed and trial number.

A sampler's own state is in no database. Each trial gets a sampler of its own seed, so that a sweep that was killed goes
on as it would have, and does not draw its first trials a second time.
"""

from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sfumato.errors import InputError
from sfumato.report.sweep_frame import Trial
from sfumato.sweeping.space import Choices, Space, settings

if TYPE_CHECKING:
    import optuna

STARTUP = 10
"""Trials that are drawn evenly before the sampler (TPE) learns from them."""
UNPRUNED = 5
"""Trials that run to their end before any is compared with them."""
WARM_UP = 0.25
"""Share of the epochs that every trial gets."""
_LEAST_FOR_IMPORTANCE = 10
_NAME = "sweep"
_WORDS: dict[str, Literal["done", "stopped", "failed"]] = {"COMPLETE": "done", "PRUNED": "stopped", "FAIL": "failed"}


@dataclass(frozen=True)
class Begun:
    """A trial that has its settings and no end yet."""

    number: int
    settings: dict[str, Any]
    """Recipe path -> value."""


class Study:
    """The trials of one sweep.

    Args:
        database: SQLite file; made if it is not there.
        space: What is varied.
        seed: Of the suggestions.
        epochs: Of the recipe.

    Raises:
        InputError: optuna is not installed.
    """

    def __init__(self, database: Path, space: Space, seed: int, epochs: int) -> None:
        optuna = import_optuna()
        self._optuna, self._space, self._seed = optuna, space, seed
        self._storage = optuna.storages.RDBStorage(f"sqlite:///{database.resolve()}")
        self._pruner = optuna.pruners.MedianPruner(UNPRUNED, ceil(WARM_UP * epochs))
        self._study = optuna.create_study(
            storage=self._storage, study_name=_NAME, direction="maximize", load_if_exists=True, pruner=self._pruner
        )

    @property
    def begun(self) -> int:
        """Trials there are, with an end and without."""
        return len(self._study.get_trials(deepcopy=False))

    def interrupted(self) -> list[Begun]:
        """Trials that were begun and have no end; one that was killed before it had all its settings is given up."""
        found: list[Begun] = []
        for trial in self._study.get_trials(states=(self._optuna.trial.TrialState.RUNNING,)):
            if trial.params.keys() == self._space.keys():
                found.append(Begun(trial.number, settings(self._space, trial.params)))
            else:
                self.fail(trial.number)
        return found

    def begin(self) -> Begun:
        """Settings for a new trial."""
        seed = int(np.random.SeedSequence([self._seed, self.begun]).generate_state(1)[0])  # seeds in a row draw alike
        self._study.sampler = self._optuna.samplers.TPESampler(n_startup_trials=STARTUP, seed=seed)
        trial = self._study.ask(self._distributions())
        return Begun(trial.number, settings(self._space, trial.params))

    def is_worth_going_on(self, number: int, epoch: int, score: float) -> bool:
        """Take note of a score, and say whether the best so far reaches the median of the others at this epoch."""
        trial = self._trial(number)
        if epoch not in self._study.get_trials(deepcopy=False)[number].intermediate_values:
            trial.report(score, epoch)
        return not trial.should_prune()

    def finish(self, number: int, score: float) -> None:
        """The trial was trained to its end."""
        self._study.tell(number, score)

    def give_up(self, number: int) -> None:
        """The trial was stopped, since others were better."""
        self._study.tell(number, state=self._optuna.trial.TrialState.PRUNED)

    def fail(self, number: int) -> None:
        """The trial failed."""
        self._study.tell(number, state=self._optuna.trial.TrialState.FAIL)

    def trials(self) -> list[Trial]:
        """All that have an end, in the order they were begun."""
        return [
            Trial(
                number=one.number,
                state=_WORDS[one.state.name],
                score=one.value if one.state.name == "COMPLETE" else None,
                reached=max(one.intermediate_values.values(), default=None),
                epochs=max(one.intermediate_values, default=0),
                settings=settings(self._space, one.params) if one.params.keys() == self._space.keys() else {},
            )
            for one in self._study.get_trials()
            if one.state.name in _WORDS
        ]

    def importance(self) -> dict[str, float]:
        """Share of the scores' variance that each setting explains (fANOVA, Hutter et al., ICML 2014), greatest first.

        Empty where there is one setting, or too few trials to say.
        """
        done = [one for one in self.trials() if one.state == "done"]
        if len(self._space) < 2 or len(done) < _LEAST_FOR_IMPORTANCE or len({one.score for one in done}) < 2:
            return {}
        evaluator = self._optuna.importance.FanovaImportanceEvaluator(seed=self._seed)
        return dict(self._optuna.importance.get_param_importances(self._study, evaluator=evaluator))

    def close(self) -> None:
        """Let go of the database."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def _trial(self, number: int) -> "optuna.trial.Trial":
        study_id = self._storage.get_study_id_from_name(_NAME)
        trial_id = self._storage.get_trial_id_from_study_id_trial_number(study_id, number)
        return self._optuna.trial.Trial(self._study, trial_id)

    def _distributions(self) -> "dict[str, optuna.distributions.BaseDistribution]":
        kinds = self._optuna.distributions
        found: dict[str, optuna.distributions.BaseDistribution] = {}
        for path, one in self._space.items():
            if isinstance(one, Choices):
                found[path] = kinds.CategoricalDistribution(one.texts)
            elif one.whole:
                found[path] = kinds.IntDistribution(int(one.low), int(one.high), log=one.log)
            else:
                found[path] = kinds.FloatDistribution(one.low, one.high, log=one.log)
        return found


def import_optuna() -> Any:
    """The module, quiet.

    Raises:
        InputError: It is not installed.
    """
    try:
        import optuna
    except ImportError:
        raise InputError("a sweep needs optuna", mend="pip install 'sfumato[sweep]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
