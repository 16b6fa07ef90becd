"""The settings of a decision: the only ones that can still change once the weights are trained."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sfumato.errors import InputError
from sfumato.recipe.load import Loaded, load_recipe


def changed_recipe(recipe: Path, overrides: Mapping[str, Any]) -> Loaded:
    """The recipe of a run with other settings of its decision.

    Args:
        recipe: The run's recipe.yaml.
        overrides: Recipe path -> value, all of them below `decision`.

    Raises:
        InputError: A setting of something else, or a mistake in one.
    """
    for path in overrides:
        if path != "decision" and not path.startswith("decision."):
            raise InputError(
                "the weights are trained already",
                setting=path,
                expected="a setting of the decision, such as decision.abstain.max_error",
                mend="`sfumato train` takes all others",
            )
    return load_recipe(recipe, overrides)
