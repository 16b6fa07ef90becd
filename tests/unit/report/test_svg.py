"""Figures as SVG text."""

import warnings

from matplotlib.figure import Figure

from sfumato.report.svg import to_svg


def test_letters_that_matplotlib_has_no_font_for_are_left_to_the_browser_without_a_word():
    figure = Figure()
    figure.text(0.1, 0.5, "叶")
    figure.add_subplot().set_title("叶")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert to_svg(figure).count("叶") >= 2
