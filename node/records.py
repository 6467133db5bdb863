"""The record model: what a client system can tell of one person, field by field.

A row of an export is one client's contact, one victim, one request for shelter
or one placement. Which columns hold these fields is said in the mapping file;
what the codes mean is said in the programme.
"""

from collections.abc import Mapping
from enum import Enum

from samentel.documents.populations import Records


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
    "requested": Kind.DATE,
    "placed": Kind.DATE,
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
    "consent": Kind.CODE,
    "access": Kind.CODE,
    "problems": Kind.CODE,
    "referrer": Kind.CODE,
    "municipality": Kind.CODE,
    "province": Kind.CODE,
    "facility_asked": Kind.CODE,
    "outcome": Kind.CODE,
    "refusal": Kind.CODE,
    "facility": Kind.CODE,
    "via": Kind.CODE,
    "exit": Kind.CODE,
}
# By kind of record, the date that says in which period a row counts.
EVENTS: Mapping[Records, str] = {
    Records.CLIENTS: "first_contact",
    Records.VICTIMS: "first_contact",
    Records.REQUESTS: "requested",
    Records.PLACEMENTS: "placed",
}
# The fields that the columns of each kind of record must have themselves.
REQUIRED: Mapping[Records, tuple[str, ...]] = {
    Records.CLIENTS: ("person", "first_contact"),
    Records.VICTIMS: ("person",),
    Records.REQUESTS: ("person", "requested"),
    Records.PLACEMENTS: ("person", "placed"),
}
# Whose rows of the same person lend it the fields that its own columns do not have, in this order.
LENDERS: Mapping[Records, tuple[Records, ...]] = {
    Records.CLIENTS: (),
    Records.VICTIMS: (Records.CLIENTS,),
    Records.REQUESTS: (Records.VICTIMS, Records.CLIENTS),
    Records.PLACEMENTS: (Records.VICTIMS, Records.CLIENTS),
}
AGE = "age"
AGE_SOURCES = ("birth_date", "birth_year", "age")  # in this order: the first that is mapped gives the age
CODED = tuple(name for name, kind in FIELDS.items() if kind is Kind.CODE)
