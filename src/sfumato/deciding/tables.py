"""What a finished run said of each part, in the views that its bundle uses: all that a decision is fitted on."""

from pathlib import Path

from sfumato.bundle.folder import Bundle
from sfumato.data.views import PLAIN, View, views_from_dict
from sfumato.decision.decision_spec import DecisionSpec
from sfumato.decision.policies import measures, policies_from_dict
from sfumato.decision.view_policy import ByView
from sfumato.errors import InputError
from sfumato.looking import Said
from sfumato.multilabel_predictions import read_predictions
from sfumato.run_folder import RunFolder
from sfumato.view_tables import read_view_table

PARTS = ("val", "test")


def views_used(bundle: Bundle, where: Path) -> tuple[View, ...]:
    """The views in which a bundle looks at pictures, the plain one first; `where` names it in errors."""
    return (PLAIN,) if bundle.views is None else views_from_dict(bundle.views, str(where / "views.json"))


def refuse_unmeasured(spec: DecisionSpec, bundle: Bundle, where: str) -> None:
    """Refuse to withhold by a familiarity that the run did not measure; `where` names its policy in errors."""
    policies = policies_from_dict(bundle.policy, bundle.tasks, where)
    if spec.measure not in (None, *measures(policies).values()):
        setting = "decision.familiar.by" if spec.familiar else "decision.abstain.by"
        what = f"this run measured no familiarity by {spec.measure} when it was trained"
        raise InputError(what, setting=setting, mend="train with this setting")


def said_of(run: RunFolder, views: tuple[View, ...], tasks: tuple[str, ...]) -> dict[str, Said]:
    """`val` and `test`, as far as they have samples -> task -> view -> what was said before any decision.

    Raises:
        InputError: A table is missing or damaged.
    """
    parts = {part: [task for task in tasks if run.predictions(part, task).is_file()] for part in PARTS}
    return {part: {task: _by_view(run, part, task, views) for task in there} for part, there in parts.items() if there}


def _by_view(run: RunFolder, part: str, task: str, views: tuple[View, ...]) -> ByView:
    written = read_predictions(run.predictions(part, task))
    if len(views) == 1:
        return {PLAIN.name: written}
    found = read_view_table(run.view_predictions(part, task), written)  # `written` is averaged under the former policy
    return {view.name: found[view.name] for view in views}
