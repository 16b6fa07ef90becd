"""The end of an evaluation as plain text: the scores with their intervals, and where things lie."""

from sfumato.evaluation.folder import Evaluation
from sfumato.metrics.multilabel_results import results_from_dict
from sfumato.report.summary import result_lines


def evaluation_lines(done: Evaluation) -> list[str]:
    """Lines for the terminal."""
    results = {
        name: results_from_dict(found, str(done.folder / "metrics.json"))
        for name, found in done.metrics.items()
        if name != "about"
    }
    lines = [line for name, found in results.items() for line in result_lines(found, "data", name.partition(".")[2])]
    return [*lines, f"report  {done.page}", f"rows    {done.decisions}"]
