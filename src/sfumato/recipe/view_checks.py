"""Views that would change nothing, or make a picture say something else, are refused with the reason."""

from collections.abc import Iterator

from sfumato.data.augment import REFUSALS, AugmentSpec, ChartAugmentSpec, RadiographAugmentSpec
from sfumato.data.views import ViewsSpec, expand
from sfumato.errors import InputError


def refuse_views(views: ViewsSpec | None, augment: AugmentSpec) -> None:
    """Raise InputError for the first setting of views that is idle, or that the kind of pictures refuses."""
    if views is None:
        return
    if len(expand(views)) == 1:
        raise _idle("views", "no view is asked for", "give flips, scales, crops or sizes, or leave it out")
    for name in ("flips", "scales", "sizes"):
        _refuse_twice(name, getattr(views, name))
    if views.flip_all and not views.flips:
        raise _idle("views.flip_all", "there is no flip", "set views.flips")
    if views.flip_all and not (views.scales or views.crops or views.sizes):
        raise _idle("views.flip_all", "there is no other view to flip", "leave it out")
    for setting, why in _refused(views, augment):
        raise InputError(f"on a {augment.profile}: {why}", setting=f"views.{setting}", mend="leave it out")


def refuse_unchosen_views(views: ViewsSpec | None, why: str) -> None:
    """Raise InputError for views that validation should choose, where it can't."""
    if views is not None and views.use == "if_better":
        mend = "set use: always, or keep validation samples"
        raise InputError(f"{why}, so nothing shows whether they pay", setting="views.use", mend=mend)


def _refuse_twice(name: str, values: tuple[object, ...]) -> None:
    for place, value in enumerate(values):
        if _name(value) in map(_name, values[:place]):
            raise InputError(f"{value} stands twice", setting=f"views.{name}", expected="each once")
        if name == "scales" and _name(value) == "1":
            raise _idle("views.scales", "1 is the plain view", "leave it out")


def _name(value: object) -> str:
    """As the view's name has it; two of one name would be one in the tables."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _refused(views: ViewsSpec, augment: AugmentSpec) -> Iterator[tuple[str, str]]:
    """(setting, why) of what the profile of the pictures refuses in training too, unless it is forced there."""
    forced = augment.force if isinstance(augment, ChartAugmentSpec | RadiographAugmentSpec) else ()
    refusals = {name: found for name, found in REFUSALS[augment.profile].items() if name not in forced}
    if "flips" in refusals and views.flips:
        yield "flips", refusals["flips"][1]
    if "crop" in refusals:
        refused, why = refusals["crop"]
        cut = next((view for view in expand(views) if refused(view.share)), None)
        if cut is not None:
            yield "crops" if cut.crop else "scales", f"{cut.name} shows {cut.share:.0%} of it: {why}"


def _idle(setting: str, why: str, mend: str) -> InputError:
    return InputError(f"has no effect: {why}", setting=setting, mend=mend)
