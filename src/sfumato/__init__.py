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
    from sfumato.folds.cross_validation import CrossValidation, crossval
    from sfumato.labels import LabelSpace
    from sfumato.predict.decisions import Answer, Decision
    from sfumato.predict.predictor import Predictor, load
    from sfumato.predictions import Predictions
    from sfumato.recipe.load import load_recipe
    from sfumato.recipe.schema import Recipe
    from sfumato.run import Run, train
    from sfumato.soups.making import RunSoup, soup

__version__ = VERSION

_HOME = {
    "Answer": "sfumato.predict.decisions",
    "CrossValidation": "sfumato.folds.cross_validation",
    "Decision": "sfumato.predict.decisions",
    "LabelSpace": "sfumato.labels",
    "Predictions": "sfumato.predictions",
    "Predictor": "sfumato.predict.predictor",
    "Recipe": "sfumato.recipe.schema",
    "Run": "sfumato.run",
    "RunSoup": "sfumato.soups.making",
    "crossval": "sfumato.folds.cross_validation",
    "load": "sfumato.predict.predictor",
    "load_recipe": "sfumato.recipe.load",
    "soup": "sfumato.soups.making",
    "train": "sfumato.run",
}
"""Where each name lives; it is imported when first asked for, so that `import sfumato` stays light."""

__all__ = [
    "Answer",
    "CrossValidation",
    "Decision",
    "InputError",
    "Interrupted",
    "LabelSpace",
    "Predictions",
    "Predictor",
    "Recipe",
    "Run",
    "RunError",
    "RunSoup",
    "SfumatoError",
    "__version__",
    "crossval",
    "load",
    "load_recipe",
    "soup",
    "train",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'sfumato' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
