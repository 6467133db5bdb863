"""The record model: what a client system can tell of one client, field by field.

A row of an export is one client's contact. Which columns hold these fields is
said in the mapping file; what the codes mean is said in the programme.
"""

from collections.abc import Mapping
from enum import Enum

CLIENTS = "clients"  # the one population that this version can take in


class Kind(Enum):
    """How the text of a field is read."""

    PERSON = "person"  # the client system's own number; never leaves, never counted
    DATE = "date"
    YEAR = "year"
    NUMBER = "number"
    CODE = "code"


FIELDS: Mapping[str, Kind] = {
    "person": Kind.PERSON,
    "first_contact": Kind.DATE,
    "birth_date": Kind.DATE,
    "birth_year": Kind.YEAR,
    "age": Kind.NUMBER,
    "sex": Kind.CODE,
    "citizenship": Kind.CODE,
    "residence": Kind.CODE,
    "reason": Kind.CODE,
    "form": Kind.CODE,
    "cross_border": Kind.CODE,
    "help_type": Kind.CODE,
    "facility": Kind.CODE,
    "referrer": Kind.CODE,
    "municipality": Kind.CODE,
    "consent": Kind.CODE,
    "exit": Kind.CODE,
}
REQUIRED = ("person", "first_contact")
AGE = "age"
AGE_SOURCES = ("birth_date", "birth_year", "age")  # in this order: the first that is mapped gives the age
CODED = tuple(name for name, kind in FIELDS.items() if kind is Kind.CODE)
