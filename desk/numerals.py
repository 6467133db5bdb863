"""Numbers as they are written in Dutch and in English."""

import math
from collections.abc import Mapping
from fractions import Fraction

MARKS: Mapping[str, tuple[str, str]] = {
    "nl": (".", ","),
    "en": (",", "."),
}  # between thousands, before decimals


def number(value: float, language: str, decimals: int = 0) -> str:
    """A number as it is written in a language: 1.234,5 or 1,234.5; with a true minus sign."""
    thousands, point = MARKS[language]
    text = f"{abs(value):,.{decimals}f}".translate({ord(","): thousands, ord("."): point})
    return f"−{text}" if value < 0 and any(letter in text for letter in "123456789") else text


def significant(value: float, language: str, digits: int = 3) -> str:
    """A number of widely different sizes, in so many digits: 0,547 or 0.547; 1e-09 for a very small one."""
    return f"{value:.{digits}g}".replace(".", MARKS[language][1])


def no_less(value: Fraction, language: str, digits: int = 4) -> str:
    """A number above zero in so many digits, rounded up: what a loss is said to be at most."""
    unit = Fraction(10) ** (math.floor(math.log10(value)) + 1 - digits)
    return significant(float(math.ceil(value / unit) * unit), language, digits)


def upward(value: float, language: str, decimals: int) -> str:
    """A number in so many decimals, rounded up."""
    size = 10**decimals
    return number(math.ceil(Fraction(value) * size) / size, language, decimals)


def percent(part: float, language: str, decimals: int = 1) -> str:
    """A share as a percentage: 12,3 % or 12.3%."""
    return f"{number(100 * part, language, decimals)}{'%' if language == 'en' else ' %'}"


def counted(count: int, words: str) -> str:
    """So many of a thing.

    Args:
        words: one and several of it, such as "instelling|instellingen".
    """
    one, several = words.split("|")
    return f"{count} {one if count == 1 else several}"
