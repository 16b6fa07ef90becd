"""What may be drawn onto training pictures, how often and how strongly."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sfumato.spec import Spec

Share = Annotated[float, Field(ge=0, le=1)]
Language = Literal["zh", "en"]


def _refuse_turned(spec: Spec, *names: str) -> None:
    for name in names:
        low, high = getattr(spec, name)
        if low > high:
            raise ValueError(f"{name}: {low:g} to {high:g}; expected the lesser first")


class LogoSpec(Spec):
    """One or two logos in corners, of the two corners with least in them: what stands in the others is to be read."""

    share: Share = 0.35
    """Share of the copies that get any."""
    two: Share = 0.3
    """Share of those that get two."""
    opacity: tuple[Share, Share] = (0.5, 0.8)
    """Least and greatest: 0 = not to be seen, 1 = nothing is seen through it."""
    size: tuple[Annotated[float, Field(gt=0, le=0.5)], Annotated[float, Field(gt=0, le=0.5)]] = (0.08, 0.16)
    """Least and greatest height, as a share of the picture's shorter side."""
    folder: str | None = None
    """A folder of logos, best with transparency; relative to the file it is named in. None = drawn ones, of nobody."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        _refuse_turned(self, "opacity", "size")
        return self


class TitleSpec(Spec):
    """A title above the picture or where it is emptiest. What neither agrees nor contradicts has none."""

    agreeing: Annotated[float, Field(ge=0, le=0.5)] = 0.4
    """Share of the copies whose title names what they show. At most one half: if every chart had one, it alone would be
    learnt. A sample without any class has one that contradicts instead, or titles would tell samples with classes."""
    contradicting: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    """Share of the copies whose title names something else, which the table and the record say of them."""
    languages: tuple[Language, ...] = ("zh", "en")
    """Languages a title may be in; one that a class has no name in is passed over for it."""
    zh: tuple[str, ...] = ("{}", "{}", "{time} {}", "【{}】")
    """Forms of a Chinese title: `{}` = the name, `{time}` = a date and an hour."""
    en: tuple[str, ...] = ("{}", "{}", "{}, {time}", "{time} {}")
    """Forms of an English title."""
    several_zh: tuple[str, ...] = ("{}分布图", "{}预报图", "{}")
    """Forms of a Chinese title that names one or several of a picture's classes, where it may have several."""
    several_en: tuple[str, ...] = ("Chart of {}", "{} forecast", "{}")
    """Forms of such an English title."""
    fonts_zh: tuple[str, ...] = ()
    """Font files of Chinese titles, relative to the file they are named in; none = the first of this machine that has
    every letter. One that lacks a letter is refused."""
    fonts_en: tuple[str, ...] = ()
    """Font files of English titles; none = those that matplotlib brings."""
    size: tuple[Annotated[float, Field(gt=0, le=0.3)], Annotated[float, Field(gt=0, le=0.3)]] = (0.045, 0.075)
    """Least and greatest height of letters, as a share of the picture's height."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        _refuse_turned(self, "size")
        for name in ("zh", "en", "several_zh", "several_en"):
            lacking = next((form for form in getattr(self, name) if "{}" not in form), None)
            if lacking is not None or not getattr(self, name):
                raise ValueError(
                    f"{name}: {lacking!r} has no {{}} for the name" if lacking else f"{name}: no form at all"
                )
        if not self.languages:
            raise ValueError("languages: none at all")
        return self


class ArtefactSpec(Spec):
    """What scanning, screenshots and messengers do to a picture."""

    noise: Share = 0.3
    """Share of the copies that get noise."""
    most_noise: Annotated[float, Field(gt=0, le=64)] = 6.0
    """Greatest standard deviation of it, of 255."""
    blur: Share = 0.2
    """Share of the copies that are blurred."""
    most_blur: Annotated[float, Field(gt=0, le=8)] = 0.8
    """Greatest radius of the blur, in pixels."""
    jpeg: Share = 0.5
    """Share of the copies that are compressed hard."""
    quality: tuple[Annotated[int, Field(ge=5, le=95)], Annotated[int, Field(ge=5, le=95)]] = (35, 80)
    """Least and greatest JPEG quality of those."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        _refuse_turned(self, "quality")
        return self


class SynthesisSpec(Spec):
    """All of it; a function of seed, sample and copy. Nothing is mirrored, turned, tinted or cut off."""

    copies: Annotated[int, Field(ge=1, le=20)] = 1
    """Pictures that are made of each training sample."""
    originals: Literal["kept", "replaced"] = "kept"
    """Whether a sample also trains as it is; `replaced`: its one copy stands in its place, under its id."""
    labels: str | None = None
    """Label file whose names titles are made of; none = the recipe's own, or the classes as the data calls them."""
    logos: LogoSpec = LogoSpec()
    """Logos in corners."""
    titles: TitleSpec = TitleSpec()
    """Titles."""
    artefacts: ArtefactSpec = ArtefactSpec()
    """Noise and compression."""
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    """Changes all that is drawn."""

    @model_validator(mode="after")
    def _one_in_place(self) -> Self:
        if self.originals == "replaced" and self.copies > 1:
            raise ValueError(f"{self.copies} copies can't stand in one place: copies: 1, or originals: kept")
        return self
