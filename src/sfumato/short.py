"""Large numbers in short."""


def short(number: float) -> str:
    """At most 3 digits and a unit: 3.37M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:g}"
