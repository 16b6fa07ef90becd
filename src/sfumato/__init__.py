"""Sfumato: fine-tunes image classifiers in gradual stages and turns them into decisions that can be trusted.

run = sfumato.train("recipe.yaml", overrides={"train.seed": 1})
model = sfumato.load("runs/x/bundle")
for decision in model.predict(["a.png", pil_image, array]): ...
"""

from importlib import import_module
from typing import TYPE_CHECKING

from sfumato.errors import InputError, Interrupted, RunError, SfumatoError
from sfumato.version import VERSION

if TYPE_CHECKING:
    from sfumato.cascades.any_bundle import evaluate
    from sfumato.cascades.building import cascade
    from sfumato.cascades.folder import CascadeFolder
    from sfumato.comparison.comparing import Comparison, compare
    from sfumato.deciding.deciding import decide
    from sfumato.ensembles.ensembling import Ensemble, ensemble
    from sfumato.evaluation.folder import Evaluation
    from sfumato.folds.cross_validation import CrossValidation, crossval
    from sfumato.labels import LabelSpace
    from sfumato.ladders.climbing import Ladder, ladder
    from sfumato.predict.cascade import CascadePredictor
    from sfumato.predict.decisions import Answer, Decision
    from sfumato.predict.loading import load
    from sfumato.predict.predictor import Predictor
    from sfumato.predictions import Predictions
    from sfumato.recipe.load import load_recipe
    from sfumato.recipe.schema import Recipe
    from sfumato.run import Run, train
    from sfumato.soups.making import RunSoup, soup
    from sfumato.stacking.stacking import Stack, stack
    from sfumato.sweeping.sweep import Sweep, sweep

__version__ = VERSION

_HOME = {
    "Answer": "sfumato.predict.decisions",
    "CascadeFolder": "sfumato.cascades.folder",
    "CascadePredictor": "sfumato.predict.cascade",
    "Comparison": "sfumato.comparison.comparing",
    "CrossValidation": "sfumato.folds.cross_validation",
    "Decision": "sfumato.predict.decisions",
    "Ensemble": "sfumato.ensembles.ensembling",
    "Evaluation": "sfumato.evaluation.folder",
    "LabelSpace": "sfumato.labels",
    "Ladder": "sfumato.ladders.climbing",
    "Predictions": "sfumato.predictions",
    "Predictor": "sfumato.predict.predictor",
    "Recipe": "sfumato.recipe.schema",
    "Run": "sfumato.run",
    "RunSoup": "sfumato.soups.making",
    "Stack": "sfumato.stacking.stacking",
    "Sweep": "sfumato.sweeping.sweep",
    "cascade": "sfumato.cascades.building",
    "compare": "sfumato.comparison.comparing",
    "crossval": "sfumato.folds.cross_validation",
    "decide": "sfumato.deciding.deciding",
    "ensemble": "sfumato.ensembles.ensembling",
    "evaluate": "sfumato.cascades.any_bundle",
    "ladder": "sfumato.ladders.climbing",
    "load": "sfumato.predict.loading",
    "load_recipe": "sfumato.recipe.load",
    "soup": "sfumato.soups.making",
    "stack": "sfumato.stacking.stacking",
    "sweep": "sfumato.sweeping.sweep",
    "train": "sfumato.run",
}
"""Where each name lives; it is imported when first asked for, so that `import sfumato` stays light."""

__all__ = [
    "Answer",
    "CascadeFolder",
    "CascadePredictor",
    "Comparison",
    "CrossValidation",
    "Decision",
    "Ensemble",
    "Evaluation",
    "InputError",
    "Interrupted",
    "LabelSpace",
    "Ladder",
    "Predictions",
    "Predictor",
    "Recipe",
    "Run",
    "RunError",
    "RunSoup",
    "SfumatoError",
    "Stack",
    "Sweep",
    "__version__",
    "cascade",
    "compare",
    "crossval",
    "decide",
    "ensemble",
    "evaluate",
    "ladder",
    "load",
    "load_recipe",
    "soup",
    "stack",
    "sweep",
    "train",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'sfumato' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
