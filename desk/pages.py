"""Pages to read: one file each that holds its own looks and drawings. The one owner of jinja2.

No script and nothing from elsewhere: the page's own policy forbids both.
"""

from collections.abc import Callable, Mapping

from desk.numerals import number

TEMPLATES = "templates"


def rendered(
    template: str,
    language: str,
    values: Mapping[str, object],
    filters: Mapping[str, Callable[..., object]],
) -> str:
    """A page from its template; every text in it that is not the template's own is escaped.

    Args:
        template: its file name.
        language: of numbers, ``nl`` or ``en``.
        values: by the name that the template has for each; a name without a value is a fault.
        filters: by name, beside ``number``.
    """
    # Here, since the demo imports this module and must first say what else it needs.
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("desk", TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda value, decimals=0: number(value, language, decimals)
    environment.filters.update(filters)
    return environment.get_template(template).render(values)
