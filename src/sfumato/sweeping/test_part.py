"""The test part of a run that left it alone, measured once."""

from sfumato.decided import measure_any
from sfumato.decision.policies import read_policies
from sfumato.json_file import read_json, write_json
from sfumato.metrics.multilabel_results import AnyResults
from sfumato.multilabel_predictions import read_predictions
from sfumato.report.page import write_report
from sfumato.run_folder import RunFolder
from sfumato.tasks import of_task


def measure_test(run: RunFolder) -> dict[str, AnyResults]:
    """Task -> what a run that left its test part alone reaches there; its metrics and report then say so too.

    Empty where there is no such part.
    """
    table = run.read_table()
    policies = read_policies(run.bundle / "policy.json", table.layout)
    trained = table.part("train").counts
    paths = {task: path for task in policies if (path := run.predictions("test", task)).is_file()}
    said = {task: read_predictions(path).known() for task, path in paths.items()}
    found = {task: measure_any(one, policies[task], trained[task]) for task, one in said.items() if len(one)}
    if found:
        own = {of_task("test", task): results.to_dict() for task, results in found.items()}
        write_json(run.metrics, {**read_json(run.metrics), **own})
        write_report(run)
    return found
