"""Where the element words of samples come from."""

from typing import Annotated

from pydantic import Field

from sfumato.spec import Spec


class ElementsSpec(Spec):
    """Elements that a cross-validation saw in samples it had not trained on, written into their texts."""

    run: Annotated[str, Field(min_length=1)]
    """Folder of a cross-validation over the same samples, of several classes a picture; relative to the recipe's
    folder. What its folds say of samples held out is wrong as often as what will be said of new ones; the truth is not,
    and a model that learnt to rely on it would be misled by the first mistake."""
    sure: Annotated[float, Field(gt=0, lt=1)] = 0.8
    """Probability below which an element that is named is marked as uncertain: 风（不确定）."""
