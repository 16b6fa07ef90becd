"""What is chosen without being asked for, each with its reason, and what else is worth knowing of a cascade."""

from collections.abc import Iterator, Mapping

from sfumato.bundle.cascade import Role
from sfumato.cascades.looking import Said
from sfumato.cascades.matching import known_elements
from sfumato.cascades.measuring import wanted_of
from sfumato.cascades.positive import GoingOn
from sfumato.cascades.samples import Samples
from sfumato.cascades.stage import Stage
from sfumato.cascades.tuning import Tuned
from sfumato.predict.cascade_stages import Stages
from sfumato.predictions import UNKNOWN


def told(
    stages: Mapping[Role, Stage], samples: Samples, said: Said, on: GoingOn | None, loaded: Stages, tuned: Tuned
) -> list[str]:
    """A line each."""
    return [
        *samples.notes,
        *_samples(samples, said, loaded),
        *_of_elements(stages, loaded),
        *([f"pictures of {on.name!r} go on: {on.reason}"] if on is not None and on.reason else []),
        *_thresholds(loaded, tuned),
    ]


def _samples(samples: Samples, said: Said, loaded: Stages) -> Iterator[str]:
    wanted = wanted_of(said.samples, loaded)
    with_product, without = int((wanted == 1).sum()), int((wanted == 0).sum())
    yield f"thresholds are chosen by {with_product} samples with a product and {without} without"
    if len(said.bad):
        yield f"{len(said.bad)} images can't be used, such as {said.bad['id'][0]}: {said.bad['problem'][0]}"
    unknown = int((wanted == UNKNOWN).sum())
    if unknown:
        yield f"{unknown} of {len(samples)} samples are left out: they go on, and their product is not known"


def _of_elements(stages: Mapping[Role, Stage], loaded: Stages) -> Iterator[str]:
    if "elements" not in stages:
        return
    if loaded.routes.sure is None:
        yield (
            f"{stages['products'].given} was not trained on element words: elements are named beside its answers, and "
            "it does not rely on them"
        )
    elif known_elements(stages["products"]) is None:
        yield (
            f"which elements {stages['products'].given} was trained on can't be known (it is of an earlier version, or "
            "their run had moved): they are taken to be those named now"
        )


def _thresholds(loaded: Stages, tuned: Tuned) -> Iterator[str]:
    routes = loaded.routes
    if routes.go is not None:
        yield (
            f"a picture goes on from probability {routes.gate:.4g} on: the mean cost is {tuned.cost:.4f}, at the "
            f"gate's own threshold {tuned.own:.4f}, without the gate {tuned.all_pass:.4f}"
        )
    if routes.answer:
        yield f"answers less sure than {routes.answer:.4g} are withheld, since that costs less"
    if routes.shift is not None:
        old, new = routes.shift.old[1], routes.shift.new[1]
        yield f"the gate's probabilities are moved from a share of {old:.3g}, which it learnt, to {new:.3g}"
