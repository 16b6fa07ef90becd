"""What the page of a stack shows, read from its folder."""

from sfumato.ensembles.ensembling import Ensemble
from sfumato.folds.folder import CrossvalFolder
from sfumato.json_file import read_json, write_json
from sfumato.metrics.results import Results
from sfumato.preparation.reading import about_texts
from sfumato.recipe.experts import Experts
from sfumato.report.stack_page import ExpertLine, write_stack_report
from sfumato.stacking.ablation import measure
from sfumato.stacking.folder import StackFolder


def conclude(folder: StackFolder, experts: Experts) -> None:
    """Measure what pictures and texts add, and write ablation.json and report.html."""
    ablation = measure(experts, {name: folder.expert(name) for name in experts.recipes})
    write_json(folder.ablation, ablation.to_dict())
    summary = Ensemble(folder.path).summary
    parts = {"selection": summary.selection, "test": summary.test}
    results = {name: Results.from_dict(part.results) for name, part in parts.items() if part is not None}
    lines = [
        _line(folder, experts, name, weights) for name, weights in zip(experts.recipes, summary.weights, strict=True)
    ]
    write_stack_report(folder.report, experts.name, ablation, lines, results)


def _line(folder: StackFolder, experts: Experts, name: str, weights: tuple[float, ...]) -> ExpertLine:
    own = CrossvalFolder(folder.expert(name))
    notes = read_json(own.run(0).environment).get("notes", [])
    weight = f"{weights[0]:.2f}" if len(weights) == 1 else f"{min(weights):.2f} to {max(weights):.2f}, by class"
    link = own.report.relative_to(folder.path).as_posix()
    told = [f"{name}: {note}" for note in about_texts(notes)]
    return ExpertLine(name, experts.recipes[name].recipe.model.title, link, weight, told)
