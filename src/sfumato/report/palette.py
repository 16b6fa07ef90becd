"""The colours of every picture: a few mid-tones, as soft on white as on black. Pages swap them for CSS variables."""

INK = "#24282e"
MUTED = "#6c737d"
HAIR = "#cfd2d6"
PAPER = "#fcfbf9"
ACCENT = "#47698b"
UMBER = "#9a7b62"
OCHRE = "#b3935c"
SAGE = "#7e9482"
SMOKE = "#6f8aa3"
MAUVE = "#93809a"

VARIABLES = {
    INK: "ink",
    MUTED: "muted",
    HAIR: "hair",
    PAPER: "paper",
    ACCENT: "accent",
    UMBER: "umber",
    OCHRE: "ochre",
    SAGE: "sage",
    SMOKE: "smoke",
    MAUVE: "mauve",
}
"""Colour -> name of the CSS variable that stands for it in a page."""

TONES = (UMBER, OCHRE, SAGE, SMOKE, MAUVE, ACCENT)
"""Colours that may fade."""


def fading(tone: str) -> str:
    """A colour the eye can't tell from `tone`; the SVG draws it as a gradient from the tone into the paper."""
    return f"{tone[:-1]}{int(tone[-1], 16) ^ 1:x}"
