"""What a data protection officer asks of a privacy loss: what could an attacker do with it?

A test of hypotheses instead of an epsilon: a worst case read off an epsilon
sounds far worse than anything that can be attained. The bound is that of the
Gaussian trade-off, ``samentel.counting.privacy.attacker_power``.
"""

from dataclasses import dataclass
from fractions import Fraction

from desk.numerals import percent
from samentel.counting.privacy import attacker_power

FALSE_ALARMS = 0.05


@dataclass(frozen=True, slots=True)
class Told:
    """The same in Dutch and in English; a few sentences each."""

    nl: str
    en: str


def told(rho: Fraction) -> Told:
    """The loss of one attempt in words, for somebody at one institution in one year, and beyond that."""
    return Told(_sentences(rho, "nl"), _sentences(rho, "en"))


def _sentences(rho: Fraction, language: str) -> str:
    def power(times: int) -> str:
        return percent(attacker_power(times * rho, FALSE_ALARMS), language)

    return WORDS[language].format(
        alarms=percent(FALSE_ALARMS, language, 0), one=power(1), years=power(2), institutions=power(4)
    )


WORDS = {
    "nl": "Neem iemand die alles weet van alle andere mensen, en zich alleen afvraagt of één bepaalde "
    "persoon in de tabellen zit. Wie er in {alarms} van de gevallen ten onrechte ja op mag zeggen, vindt die "
    "persoon in hoogstens {one} van de gevallen, en zonder de tabellen in {alarms}. Dat is het plafond voor "
    "één instelling in één jaar, over alle tabellen en elke combinatie ervan, voorgoed. Over twee jaar is "
    "het {years}, voor wie in één jaar bij twee instellingen was {institutions}.",
    "en": "Take somebody who knows everything about all other people, and only wonders whether one "
    "particular person is in the tables. Who may say yes wrongly in {alarms} of cases finds that person in "
    "at most {one} of cases, and without the tables in {alarms}. That is the ceiling for one institution in "
    "one year, over all tables and any combination of them, for good. Over two years it is {years}, for a "
    "person who was at two institutions in one year {institutions}.",
}
