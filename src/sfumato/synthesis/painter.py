"""One copy of one picture: title, logos, artefacts, in this order; a function of seed, sample and copy."""

from dataclasses import dataclass
from typing import Any

from PIL import Image

from sfumato.data.images import decode
from sfumato.data.randomness import generator
from sfumato.synthesis.artefacts import with_artefacts
from sfumato.synthesis.logos import Logo, put_logos
from sfumato.synthesis.spec import SynthesisSpec
from sfumato.synthesis.titles import Fonts, put_title
from sfumato.synthesis.words import Naming


@dataclass(frozen=True)
class Painter:
    """What all copies are made with."""

    spec: SynthesisSpec
    named: tuple[Naming, ...]
    fonts: Fonts
    logos: tuple[Logo, ...]

    def paint(self, address: str, id_: str, copy: int) -> tuple[Image.Image, dict[str, Any]]:
        """A copy of the picture at an address (RGB), and what was drawn where: title, logos, noise, jpeg, size.

        Boxes are left, top, right and bottom in pixels of the copy. A title may make it taller; otherwise pixels stay
        where they are: nothing is mirrored, turned, tinted or cut off.
        """
        rng = generator(self.spec.seed, "synthesis", id_, copy)
        picture = Image.fromarray(decode(address))
        picture, title = put_title(picture, id_, self.named, self.fonts, self.spec.titles, rng)
        picture, logos = put_logos(picture, list(self.logos), self.spec.logos, rng)
        picture, artefacts = with_artefacts(picture, self.spec.artefacts, rng)
        record = {"title": title, "logos": logos, **artefacts, "width": picture.width, "height": picture.height}
        return picture, record
