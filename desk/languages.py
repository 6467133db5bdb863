"""Words in the language of whoever reads them: ``nl`` or ``en``."""

from samentel.documents.codelists import Text


def chosen(text: Text, language: str) -> str:
    """The words in one language."""
    return text.nl if language == "nl" else text.en


def named(thing: object, what: str, language: str) -> str:
    """The same of what has them as two attributes, such as ``title_nl`` and ``title_en``."""
    return str(getattr(thing, f"{what}_{language}"))
