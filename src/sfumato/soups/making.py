"""The story of a soup: finished runs -> samples that none trained on -> weights -> policy -> scores -> bundle."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sfumato.console import Console
from sfumato.data.table import Table
from sfumato.data.views import PLAIN
from sfumato.decided import measure_any
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.doubt.reference import References
from sfumato.decision.policies import AnyPolicy, write_thresholds
from sfumato.decision.view_policy import fit_view_policy
from sfumato.errors import InputError
from sfumato.folds.tables import trained_by_any
from sfumato.free_folder import emptied_on_failure, free_folder, make_folder
from sfumato.json_file import read_json, write_json
from sfumato.models.family import is_random
from sfumato.multilabel_predictions import AnyPredictions
from sfumato.preparation.prepare import sharing_of
from sfumato.report.threshold_words import threshold_notes
from sfumato.soups.bundle import write_soup_bundle
from sfumato.soups.folder import SoupFolder
from sfumato.soups.ingredients import RunIngredient, read_ingredients
from sfumato.soups.samples import SoupSamples, find_samples
from sfumato.soups.trial import Counts, Soup, TrialNetwork
from sfumato.tasks import TaskLayout, of_task
from sfumato.training.device import choose_device, choose_workers
from sfumato.training.machine import Machine, launched
from sfumato.training.records import Noted, standing
from sfumato.training.soup import Trial, greedy
from sfumato.training.stopping import uninterrupted


@dataclass(frozen=True)
class RunSoup:
    """A soup of runs, read from its folder."""

    folder: Path

    @property
    def bundle(self) -> Path:
        """The deployable result, one network; `sfumato.load` takes it."""
        return SoupFolder(self.folder).bundle

    @cached_property
    def story(self) -> dict[str, Any]:
        """What soup.json holds: every run that was tried, with which score, and whether it was taken in."""
        return read_json(SoupFolder(self.folder).story)

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """Scores with intervals on the test part that the runs have in common; empty where there is none."""
        return read_json(SoupFolder(self.folder).bundle / "results.json")


def soup(
    runs: Sequence[str | Path],
    *,
    choose_on: str | Path | None = None,
    uniform: bool = False,
    out: str | Path | None = None,
    quiet: bool = False,
) -> RunSoup:
    """Average the weights of finished runs of one make: greedily by their score, or all of them.

    Wortsman et al., Model soups, ICML 2022: recipe 1, and the uniform soup.

    Args:
        runs: Folders of runs; that of a cross-validation stands for its folds.
        choose_on: A folder or table of labelled samples that no run trained on; None = the val part that the runs have
            in common. With `uniform` they only fit the policy.
        uniform: Take all runs, with nothing to choose by.
        out: A new folder; None = `runs/NAME-soup`, numbered if need be.
        quiet: Show nothing.

    Raises:
        InputError: The runs do not fit together, or no sample can choose; nothing was written.
    """
    if launched()[1] > 1:
        raise InputError(f"{launched()[1]} processes for a soup", expected="one")
    console = Console(quiet=quiet)
    ingredients = read_ingredients(runs)
    lead = ingredients[0].recipe
    sharing = sharing_of(lead)
    with free_folder(out, f"{lead.name}-soup") as path, emptied_on_failure(path):
        samples = find_samples(ingredients, choose_on, uniform=uniform, pictures=sharing.pictures, console=console)
        _note(ingredients, samples, console)
        device = choose_device("auto").value
        machine, workers = Machine(device, "fp32"), int(choose_workers(lead.train.workers, device).value)
        trained = trained_by_any([one.table for one in ingredients])
        network = TrialNetwork(ingredients, samples.choosing, trained, machine, workers, sharing)
        made, trials = _uniform(network, len(ingredients)) if uniform else _greedy(network, ingredients, console)
        _write(SoupFolder(path), ingredients, network, made, trials, samples, trained, console)
    return RunSoup(path)


def _note(ingredients: Sequence[RunIngredient], samples: SoupSamples, console: Console) -> None:
    console.note(Noted(f"{len(ingredients)} runs; {len(samples.choosing)} samples to choose by: {samples.origin}"))
    if is_random(ingredients[0].recipe.model):
        what = "these networks began at random weights: the mean of networks that share no start is mostly none"
        console.note(Noted(what, warning=True))
    if seen := [one.name for one in ingredients if one.bundle.views is not None]:
        what = f"views: the soup looks at every picture in the plain view alone; {', '.join(seen)} used several"
        console.note(Noted(what, warning=True))


def _uniform(network: TrialNetwork, runs: int) -> tuple[Soup, tuple[Trial, ...]]:
    return network.make(tuple(range(runs))), ()


def _greedy(
    network: TrialNetwork, ingredients: Sequence[RunIngredient], console: Console
) -> tuple[Soup, tuple[Trial, ...]]:
    """The greedy soup, and what was tried, the runs by their places."""
    select = ingredients[0].recipe.train.select
    alone = [standing(network.make((place,)).scores, select) for place in range(len(ingredients))]
    order = sorted(range(len(alone)), key=lambda place: alone[place], reverse=True)

    def make(places: tuple[int, ...]) -> Soup:
        return network.make(tuple(order[place] for place in places))

    made, trials = greedy(len(order), make, lambda one: standing(one.scores, select)[0])
    for trial in trials:
        name, with_it = ingredients[order[trial.ingredient]].name, "taken in" if trial.taken else "left out"
        console.note(Noted(f"{name} {with_it}: {select} {trial.score:.4f}"))
    return made, tuple(Trial(order[trial.ingredient], trial.score, trial.taken) for trial in trials)


def _write(
    folder: SoupFolder,
    runs: Sequence[RunIngredient],
    network: TrialNetwork,
    made: Soup,
    trials: Sequence[Trial],
    samples: SoupSamples,
    trained: Counts,
    console: Console,
) -> None:
    """From the weights to a policy, its scores, the story and, last, the bundle."""
    network.carry(made.weights)
    spec = runs[made.places[0]].recipe.decision
    references = network.learn(spec.measure if len(samples.choosing) else None)
    val = _said(network, samples.choosing, references)
    policies = _policies(val, spec, trained, network.job.train.layout)
    for note in threshold_notes(policies, runs[0].bundle.tasks):
        console.note(Noted(note))
    test = _said(network, samples.test, references)
    results = _results(test, policies, trained)
    with uninterrupted():  # half a soup could be neither used nor gone on with
        make_folder(folder.path)
        for part, said in (("val", val), ("test", test)):
            for task, predictions in said.items():
                predictions.write(folder.predictions(part, task))
        write_thresholds(folder.path, policies, runs[0].bundle.tasks)
        write_json(folder.story, _story(runs, made, trials, samples))
        write_soup_bundle(folder.bundle, runs, made, network.job, policies, results, references)


def _policies(
    val: dict[str, AnyPredictions], spec: DecisionSpec, trained: Counts, layout: TaskLayout
) -> dict[str, AnyPolicy]:
    said = {task: {PLAIN.name: table} for task, table in val.items()}
    return {
        task: fit_view_policy(said.get(task), spec, counts, multilabel=layout.multilabel)
        for task, counts in trained.items()
    }


def _said(network: TrialNetwork, table: Table, references: References) -> dict[str, AnyPredictions]:
    return network.predict(table, references) if len(table) else {}


def _results(test: dict[str, AnyPredictions], policies: dict[str, AnyPolicy], trained: Counts) -> dict[str, Any]:
    return {
        of_task("test", task): measure_any(said, policies[task], trained[task]).to_dict()
        for task, said in test.items()
        if len(said.known())
    }


def _story(runs: Sequence[RunIngredient], made: Soup, trials: Sequence[Trial], samples: SoupSamples) -> dict[str, Any]:
    """What soup.json holds. The score that chose is no result: it is that of the samples that chose."""
    select = runs[0].recipe.train.select
    chosen = made.scores.get(select)
    steps = [{"run": runs[one.ingredient].name, "score": one.score, "taken": one.taken} for one in trials]
    by = {"samples": len(samples.choosing), "origin": samples.origin, "score": select, "reached": chosen}
    return {
        "kind": "greedy" if trials else "uniform",
        "runs": [runs[place].name for place in made.places],
        "steps": steps,
        "selection": by if len(samples.choosing) else None,
        "tested_on": len(samples.test),
    }
