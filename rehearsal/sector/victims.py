"""Drawing the victims of a year in the whole country, before anybody has asked for help."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from rehearsal.sector import draw, figures
from rehearsal.sector.rows import Integers, Words

_SEXES = np.array(["F", "F", "M", "M"])
_FLAGS = tuple(figures.PROBLEMS)


@dataclass(frozen=True, slots=True, eq=False)
class Victims:
    """One entry a person, every column of shape (persons,); codes are those of the finest code lists.

    Attributes:
        country: two letters; ``citizenship`` is its group.
        age: true age; ``age_known`` whether anybody noted it.
    """

    form: Words
    sex: Words
    age: Integers
    age_known: Integers
    country: Words
    citizenship: Words
    residence: Words
    problems: Words
    province: Words

    def __len__(self) -> int:
        return len(self.form)


def drawn(chance: Generator, size: int, *, surge: bool) -> Victims:
    """So many victims; every share is one of ``figures``.

    Args:
        surge: whether this is the year in which one nationality surges.
    """
    form = draw.codes(chance, figures.FORMS, size)
    kind = draw.codes_by(
        chance, form, {name: dict(zip("0123", row, strict=True)) for name, row in figures.SEX_AND_AGE.items()}
    ).astype(np.int64)
    minor = kind % 2 == 0
    age = np.where(
        minor, draw.within(chance, figures.MINORS, size), draw.within(chance, figures.ADULTS, size)
    )
    sex = _SEXES[kind].copy()
    spoken = chance.random(size)
    sex[spoken < figures.SEX_UNKNOWN + figures.SEX_OTHER] = "X"
    sex[spoken < figures.SEX_UNKNOWN] = "U"
    country, citizenship = _citizenships(chance, form, surge)
    return Victims(
        form=form,
        sex=sex,
        age=age,
        age_known=(chance.random(size) >= figures.AGE_UNKNOWN).astype(np.int64),
        country=country,
        citizenship=citizenship,
        residence=draw.codes_by(chance, citizenship, figures.RESIDENCE),
        problems=_problems(chance, size),
        province=provinces(chance, size),
    )


def how_many(chance: Generator) -> int:
    """The victims of a year in the whole country, between the least and the most of the register."""
    number = figures.VICTIMS * np.exp(chance.normal(0.0, figures.VICTIMS_SPREAD))
    return int(np.clip(round(number), figures.VICTIMS_LEAST, figures.VICTIMS_MOST))


def provinces(chance: Generator, size: int) -> Words:
    """Where so many people come from."""
    found = draw.codes(chance, figures.PROVINCES, size)
    found[chance.random(size) < figures.PROVINCE_UNKNOWN] = "NLX"
    return found


def _citizenships(chance: Generator, form: Words, surge: bool) -> tuple[Words, Words]:
    names = np.array(list(figures.COUNTRIES))
    groups = np.array([group for group, _ in figures.COUNTRIES.values()])
    weights = np.array([weight for _, weight in figures.COUNTRIES.values()])
    if surge:
        weights = np.where(names == figures.SURGE_COUNTRY, weights * figures.SURGE_TIMES, weights)
    country = np.full(len(form), "", dtype="<U2")
    for name in figures.FORMS:
        mine = form == name
        likelier = figures.FORM_AND_GROUP.get(figures.LIKE.get(name, name), {})
        scaled = weights * np.array([likelier.get(group, 1.0) for group in groups])
        country[mine] = names[chance.choice(len(names), int(mine.sum()), p=scaled / scaled.sum())]
    group_of = {name: group for name, (group, _) in figures.COUNTRIES.items()}
    return country, np.array([group_of[name] for name in country], dtype="<U3")


def _problems(chance: Generator, size: int) -> Words:
    known = chance.random(size) >= figures.PROBLEMS_UNKNOWN
    codes = np.full(size, "", dtype="<U20")
    for name in _FLAGS:
        likelier = np.where(codes == "", 1.0, figures.PROBLEMS_TOGETHER)
        has = chance.random(size) < figures.PROBLEMS[name] * likelier
        joined = np.where(codes == "", name, np.char.add(np.char.add(codes, "_"), name))
        codes = np.where(has, joined, codes)
    return np.where(known, np.where(codes == "", "NONE", codes), "UNK")
