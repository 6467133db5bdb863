"""The record model: what a client system can tell of one person, field by field.

A row of an export is one client's first contact, one victim, one request for
shelter, one placement, or one contact with somebody who stays without a name.
Which columns hold these fields is said in the mapping file; what the codes mean
is said in the programme.
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
    "ended": Kind.DATE,  # of a placement: the day on which it came to an end
    "asked_on": Kind.DATE,  # of a placement: the day of the request that led to it
    "contacted": Kind.DATE,
    "waiting": Kind.NUMBER,  # of a placement: days between the two
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
    "destination": Kind.CODE,
    "channel": Kind.CODE,  # through whom a row came: see Population.registers
    "earlier": Kind.CODE,  # whether there was help for trafficking before
    "near": Kind.CODE,  # whether it is in the person's own province
}
# By kind of record, the date that says in which period a row counts.
EVENTS: Mapping[Records, str] = {
    Records.CLIENTS: "first_contact",
    Records.VICTIMS: "first_contact",
    Records.REQUESTS: "requested",
    Records.PLACEMENTS: "placed",
    Records.CONTACTS: "contacted",
}
# The fields that the columns of each kind of record must have themselves.
REQUIRED: Mapping[Records, tuple[str, ...]] = {
    Records.CLIENTS: ("person", "first_contact"),
    Records.VICTIMS: ("person",),
    Records.REQUESTS: ("person", "requested"),
    Records.PLACEMENTS: ("person", "placed"),
    Records.CONTACTS: ("contacted",),
}
# Whose rows of the same person lend it the fields that its own columns do not have, in this order.
LENDERS: Mapping[Records, tuple[Records, ...]] = {
    Records.CLIENTS: (),
    Records.VICTIMS: (Records.CLIENTS,),
    Records.REQUESTS: (Records.VICTIMS, Records.CLIENTS),
    Records.PLACEMENTS: (Records.VICTIMS, Records.CLIENTS),
    Records.CONTACTS: (),  # nobody knows whose they are
}
AGE = "age"
AGE_SOURCES = ("birth_date", "birth_year", "age")  # in this order: the first that is mapped gives the age
WAITING, ASKED, BEGAN, ENDED = "waiting", "asked_on", "placed", "ended"
NEAR, PROVINCE = "near", "province"
SAME, OTHER = "SAME", "OTHER"  # the codes of a dimension of ``near``, beside its unknown one
# From which fields a dimension of this field is answered, the first that is mapped; any other from its own.
SOURCES: Mapping[str, tuple[str, ...]] = {
    AGE: AGE_SOURCES,
    WAITING: (WAITING, ASKED),
    NEAR: (NEAR, PROVINCE),
}
# What is counted in bands, and the highest whole number that is believed: years of age, days.
BANDED: Mapping[str, int] = {AGE: 150, WAITING: 10_000}
# The provinces as the roster and the exports name them, by the codes of CBS.
PROVINCES = tuple(f"PV{number}" for number in range(20, 32))
CODED = tuple(name for name, kind in FIELDS.items() if kind is Kind.CODE)
