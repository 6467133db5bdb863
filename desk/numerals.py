"""Numbers as they are written in Dutch and in English."""

from collections.abc import Mapping

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
