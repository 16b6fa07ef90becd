"""The end of an evaluation as plain text: the scores with their intervals, and where things lie."""

from sfumato.evaluation.folder import Evaluation
from sfumato.metrics.results import Results
from sfumato.report.summary import result_lines


def evaluation_lines(done: Evaluation) -> list[str]:
    """Lines for the terminal."""
    results = {name: Results.from_dict(found) for name, found in done.metrics.items() if name != "about"}
    lines = [line for name, found in results.items() for line in result_lines(found, "data", name.partition(".")[2])]
    return [*lines, f"report  {done.page}", f"rows    {done.decisions}"]
