"""Forty institutions that do not exist.

One of them is like CoMensha (type COM): it helps nobody itself, and mediates requests for shelter.
Sizes are of a year in the whole country. Of the places those in COSM, OMM and
women's or social shelter follow published figures: 131 and 47 placements in
2013, 35 in OMM in 2020 (CoMensha). How many others there are, and who has how
many, is made up.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rehearsal.sector.dialects import DESKTOP, SHEET, WEB, Dialect
from samentel.documents.roster import Institution

MEDIATOR = "COM"


@dataclass(frozen=True, slots=True)
class House:
    """An institution that does not exist.

    Attributes:
        type, province: as its line on the roster says.
        clients: people with a first contact in a year, victims and others, about.
        victims: how many of them are victims, about.
        placements: by kind of place that it has, how many are placed there in a year, about.
    """

    node: str
    name: str
    operator: str
    type: str
    province: str
    dialect: Dialect
    clients: int
    victims: int
    placements: Mapping[str, float] = field(default_factory=dict)

    @property
    def helps(self) -> bool:
        """Whether it has clients: all but the one that mediates."""
        return self.type != MEDIATOR

    @property
    def facilities(self) -> tuple[str, ...]:
        """The kinds of places it has, as its line on the roster says."""
        return tuple(self.placements)

    def institution(self, protocol_key: str = "0" * 64) -> Institution:
        """Its line on the roster; the key has no part in what it counts or is asked."""
        return Institution(
            node=self.node,
            name=self.name,
            operator=self.operator,
            type=self.type,
            province=self.province,
            facilities=self.facilities,
            protocol_key=protocol_key,
        )


# Node, name, type, province, dialect, clients, victims, placements. The operator is the name without its
# kind.
_LIST: tuple[tuple[str, str, str, str, str, Dialect, int, int, Mapping[str, float]], ...] = (
    ("de-haven", "Opvang", "De Haven", "VO_MO", "PV27", DESKTOP, 1130, 13, {"VO_MO": 4}),
    ("lindehof", "Jeugdzorg", "Lindehof", "JEUGD", "PV26", WEB, 97, 12, {"JH": 3}),
    ("noorderlicht", "Stichting", "Noorderlicht", "VO_MO", "PV20", DESKTOP, 620, 60, {"VO_MO": 2,
    "COSM": 45}),
    ("het-baken", "Ambulante hulp", "Het Baken", "AMB", "PV28", WEB, 90, 26, {}),
    ("de-veste", "Vrouwenopvang", "De Veste", "VO_MO", "PV30", SHEET, 1240, 26, {"VO_MO": 4, "OMM": 9}),
    ("duinzicht", "Jeugdhulp", "Duinzicht", "JEUGD", "PV29", DESKTOP, 88, 12, {"JH": 3}),
    ("het-anker", "Zorgcoördinatie", "Het Anker", "ZC", "PV22", SHEET, 73, 36, {}),
    ("maaszicht", "Opvang", "Maaszicht", "VO_MO", "PV28", WEB, 1370, 62, {"COSM": 44, "VO_MO": 4, "ISZW": 3}),
    ("oosterpoort", "Stichting", "Oosterpoort", "AMB", "PV23", DESKTOP, 151, 36, {}),
    ("rietland", "Jeugdzorg", "Rietland", "JEUGD", "PV24", WEB, 61, 12, {"JH": 3}),
    ("het-knooppunt", "Coördinatiecentrum", "Het Knooppunt", MEDIATOR, "PV26", DESKTOP, 0, 0, {}),
    ("zonnehoek", "Jeugdhulp", "Zonnehoek", "JEUGD", "PV30", DESKTOP, 84, 16, {"JH": 4}),
    ("amstelhuis", "Opvang", "Amstelhuis", "COSM", "PV27", WEB, 240, 58, {"COSM": 42, "OMM": 8, "ISZW": 3}),
    ("de-kade", "Opvang", "De Kade", "OMM", "PV23", DESKTOP, 560, 18, {"OMM": 9, "VO_MO": 3}),
    ("zuiderkruis", "Vrouwenopvang", "Zuiderkruis", "OMM", "PV28", SHEET, 870, 20, {"OMM": 9, "VO_MO": 3}),
    ("de-wachter", "Opvang", "De Wachter", "VO_MO", "PV25", WEB, 1020, 9, {"VO_MO": 3, "ISZW": 2}),
    ("eikenstein", "Vrouwenopvang", "Eikenstein", "VO_MO", "PV26", SHEET, 960, 7, {"VO_MO": 3}),
    ("friezenhof", "Vrouwenopvang", "Friezenhof", "VO_MO", "PV21", DESKTOP, 640, 5, {"VO_MO": 2}),
    ("geestland", "Opvang", "Geestland", "VO_MO", "PV20", WEB, 900, 7, {"VO_MO": 2}),
    ("heuvelrug", "Opvang", "Heuvelrug", "VO_MO", "PV31", DESKTOP, 980, 7, {"VO_MO": 3}),
    ("ijsselborg", "Vrouwenopvang", "IJsselborg", "VO_MO", "PV25", SHEET, 830, 6, {"VO_MO": 2}),
    ("kempenland", "Opvang", "Kempenland", "VO_MO", "PV30", WEB, 860, 7, {"VO_MO": 3}),
    ("lekoever", "Opvang", "Lekoever", "VO_MO", "PV22", DESKTOP, 1060, 9, {"VO_MO": 4}),
    ("merwede", "Vrouwenopvang", "Merwede", "VO_MO", "PV28", SHEET, 890, 7, {"VO_MO": 3}),
    ("poldermolen", "Opvang", "Poldermolen", "VO_MO", "PV24", WEB, 640, 4, {"VO_MO": 1}),
    ("scheldehof", "Vrouwenopvang", "Scheldehof", "VO_MO", "PV29", DESKTOP, 410, 3, {"VO_MO": 1}),
    ("berkenrode", "Jeugdhulp", "Berkenrode", "JEUGD", "PV27", SHEET, 86, 15, {"JH": 4}),
    ("vossenberg", "Jeugdzorg", "Vossenberg", "JEUGD", "PV25", DESKTOP, 82, 13, {"JH": 4}),
    ("wilgenhof", "Jeugdzorg", "Wilgenhof", "JEUGD", "PV21", WEB, 95, 16, {"JH": 4}),
    ("amberkring", "Zorgcoördinatie", "Amberkring", "ZC", "PV27", WEB, 95, 52, {}),
    ("brugfunctie", "Zorgcoördinatie", "Brugfunctie", "ZC", "PV28", DESKTOP, 98, 54, {}),
    ("dommelwijzer", "Zorgcoördinatie", "Dommelwijzer", "ZC", "PV30", SHEET, 70, 36, {}),
    ("de-gids", "Zorgcoördinatie", "De Gids", "ZC", "PV25", DESKTOP, 66, 32, {}),
    ("rivierenwijzer", "Zorgcoördinatie", "Rivierenwijzer", "ZC", "PV20", WEB, 52, 24, {}),
    ("maaskoers", "Zorgcoördinatie", "Maaskoers", "ZC", "PV31", SHEET, 42, 18, {}),
    ("stadsbrug", "Hulpdienst", "Stadsbrug", "AMB", "PV27", SHEET, 144, 42, {}),
    ("open-deur", "Stichting", "Open Deur", "NGO", "PV28", WEB, 80, 28, {}),
    ("werkrecht", "Steunpunt", "Werkrecht", "NGO", "PV30", DESKTOP, 68, 28, {}),
    ("eerlijk-spoor", "Stichting", "Eerlijk Spoor", "NGO", "PV27", SHEET, 56, 20, {}),
    ("de-toga", "Rechtshulp", "De Toga", "LEG", "PV26", DESKTOP, 60, 16, {}),
)  # fmt: skip

NATION: tuple[House, ...] = tuple(
    House(node, f"{kind} {name} (verzonnen)", name, type, province, dialect, clients, victims, placements)
    for node, kind, name, type, province, dialect, clients, victims, placements in _LIST
)
# In a rehearsal these have fewer clients than in a country, so that it is quick; as many victims.
_FEW: Mapping[str, int] = {"de-haven": 152, "noorderlicht": 148, "de-veste": 156, "maaszicht": 159}
HOUSES: tuple[House, ...] = tuple(
    replace(house, clients=_FEW.get(house.node, house.clients)) for house in NATION[:12]
)
SMALL = HOUSES[:4]  # a federation that has only begun
