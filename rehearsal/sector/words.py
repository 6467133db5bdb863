"""What three client systems write for each national code: desktop, web and sheet."""

from collections.abc import Mapping, Sequence
from itertools import combinations

Written = tuple[str, str, str]

SEX: Mapping[str, Written] = {
    "F": ("Vrouw", "v", "V"),
    "M": ("Man", "m", "M"),
    "X": ("Anders", "x", "X"),
    "U": ("Onbekend", "?", "-"),
}
REASON: Mapping[str, Written] = {
    "THB_SEX": ("Mensenhandel - seksuele uitbuiting", "mh-seksueel", "SEKS"),
    "THB_LAB": ("Mensenhandel - arbeidsuitbuiting", "mh-arbeid", "ARBEID"),
    "THB_CRI": ("Mensenhandel - criminele uitbuiting", "mh-crimineel", "CRIM"),
    "THB_OTH": ("Mensenhandel - overig", "mh-overig", "MH-OV"),
    "THB_SUSP": ("Vermoeden mensenhandel", "mh-vermoeden", "MH?"),
    "SV": ("Seksueel geweld", "seksueel-geweld", "SG"),
    "HG": ("Huiselijk geweld", "huiselijk-geweld", "HG"),
    "EER": ("Eergerelateerd geweld", "eer", "EER"),
    "GGZ": ("Psychische problematiek", "ggz", "PSY"),
    "VER": ("Verslaving", "verslaving", "VERSL"),
    "LVB": ("Licht verstandelijke beperking", "lvb", "LVB"),
    "DAK": ("Dakloosheid", "dakloos", "DAKL"),
    "SCH": ("Schulden", "schulden", "SCHULD"),
    "ASY": ("Asiel / verblijf", "asiel", "COA"),
    "ZOR": ("Overige zorgvraag", "zorg", "ZORG"),
    "OTH": ("Anders, namelijk", "anders", "OVERIG"),
    "NREC": ("Niet ingevuld", "leeg", "ONB"),
    "NASK": ("Niet gevraagd", "niet-gevraagd", "NV"),
}
FORM: Mapping[str, Written] = {
    "SEX_DOM": ("Seksueel binnenland", "seks-nl", "SB"),
    "SEX_XB": ("Seksueel grensoverschrijdend", "seks-grens", "SG"),
    "SEX_UNK": ("Seksueel, route onbekend", "seks", "S?"),
    "LAB": ("Arbeid of diensten", "arbeid", "A"),
    "SRV": ("Huishoudelijke dienstbaarheid", "huishouding", "D"),
    "BEG": ("Gedwongen bedelarij", "bedelen", "B"),
    "CRI": ("Criminele uitbuiting", "crimineel", "C"),
    "MAR": ("Gedwongen huwelijk", "huwelijk", "H"),
    "SUR": ("Draagmoederschap", "draagmoeder", "DM"),
    "ADO": ("Illegale adoptie", "adoptie", "AD"),
    "ORG": ("Orgaanverwijdering", "orgaan", "O"),
    "OTH": ("Overige uitbuiting", "overig", "OV"),
    "UNK": ("Vorm niet bekend", "onbekend", "?"),
}
HELP: Mapping[str, Written] = {
    "HB_COSM": ("Opvang COSM", "cosm", "COSM"),
    "HB_OMM": ("Opvang OMM", "omm", "OMM"),
    "HB_ISZW": ("Bed arbeidsuitbuiting", "iszw-bed", "ISZW"),
    "HB_VOMO": ("Vrouwen- of maatschappelijke opvang", "vo-mo", "VOMO"),
    "HB_JH": ("Jeugdhulp met verblijf", "jeugd-verblijf", "JH"),
    "HB_OTH": ("Andere opvang", "andere-opvang", "OPV"),
    "AMB": ("Ambulante begeleiding", "ambulant", "AMB"),
    "ZC": ("Zorgcoördinatie", "zorgcoordinatie", "ZC"),
    "LEG": ("Juridische hulp", "juridisch", "JUR"),
    "ONL": ("Chat / online", "chat", "ONL"),
    "UNK": ("Hulp niet bekend", "onbekend", "?"),
}
CONSENT: Mapping[str, Written] = {
    "REP_CONS": ("Gemeld, met toestemming", "gemeld", "J"),
    "REP_DUTY": ("Gemeld door politie of inspectie", "gemeld-plicht", "JP"),
    "NOT_REFUSED": ("Niet gemeld, cliënt wil niet", "geweigerd", "NW"),
    "NOT_ASKED": ("Niet gemeld, niet besproken", "niet-gevraagd", "NG"),
    "NOT_UNSAFE": ("Niet gemeld, niet veilig", "onveilig", "NO"),
    "UNK": ("Melding niet bekend", "onbekend", "?"),
}
RESIDENCE: Mapping[str, Written] = {
    "NAT": ("Nederlander", "nl", "NLD"),
    "EUF": ("EU-burger", "eu", "EU"),
    "REF": ("Bedenktijd", "b8-3", "BT"),
    "B8": ("Vergunning mensenhandel (B8)", "b8", "B8"),
    "CONT": ("Voortgezet verblijf", "voortgezet", "VV"),
    "ASYL": ("Asiel", "asiel", "AS"),
    "OTHR": ("Ander verblijfsrecht", "anders", "AV"),
    "NONE": ("Geen verblijfsrecht", "geen", "GV"),
    "UNK": ("Verblijf niet bekend", "onbekend", "?"),
}
ACCESS: Mapping[str, Written] = {
    "RESIDENTIAL": ("Verblijf toegekend", "verblijf", "V"),
    "AMBULATORY": ("Ambulant toegekend", "ambulant", "A"),
    "REFUSED_STATUS": ("Afgewezen op verblijfsstatus", "status", "W"),
    "UNK": ("Toegang niet bekend", "onbekend", "?"),
}
FACILITY: Mapping[str, Written] = {
    "COSM": ("COSM", "cosm", "COSM"),
    "OMM": ("OMM", "omm", "OMM"),
    "ISZW": ("Inspectiebed", "iszw", "ISZW"),
    "VO_MO": ("VO / MO", "vo-mo", "VOMO"),
    "JH": ("Jeugdhulp verblijf", "jeugd", "JH"),
    "OTH": ("Andere opvang", "anders", "OV"),
}
OUTCOME: Mapping[str, Written] = {
    "PLACED": ("Geplaatst", "geplaatst", "G"),
    "PLACED_OTHER": ("Elders geplaatst", "elders", "E"),
    "WAIT": ("Wachtlijst", "wacht", "W"),
    "REFUSED": ("Afgewezen", "afgewezen", "A"),
    "WITHDRAWN": ("Ingetrokken", "ingetrokken", "I"),
    "UNK": ("Uitkomst niet bekend", "onbekend", "?"),
}
REFUSAL: Mapping[str, Written] = {
    "FULL": ("Geen plek", "vol", "VOL"),
    "REGIO": ("Regiobinding", "regio", "REG"),
    "STATUS": ("Geen verblijfsstatus", "status", "STA"),
    "AGE": ("Leeftijd", "leeftijd", "LFT"),
    "SEXGRP": ("Buiten doelgroep", "doelgroep", "DGR"),
    "SAFE": ("Veiligheid", "veiligheid", "VEI"),
    "COMPLEX": ("Te complex", "complex", "CPX"),
    "COOP": ("Werkt niet mee met politie", "geen-aangifte", "POL"),
    "OTH": ("Andere afwijsgrond", "anders", "AND"),
    "UNK": ("Grond niet bekend", "onbekend", "?"),
}
VIA: Mapping[str, Written] = {
    "FIRST": ("Eerste opvang", "eerste", "1"),
    "COSM": ("Vanuit COSM", "uit-cosm", "C"),
    "OTH": ("Vanuit andere plek", "anders", "A"),
}
CHANNEL: Mapping[str, Written] = {
    "MEDIATED": ("Via CoMensha", "comensha", "C"),
    "DIRECT": ("Rechtstreeks", "direct", "R"),
}
EXIT: Mapping[str, Written] = {
    "PLAN": ("Volgens plan", "plan", "P"),
    "MUT": ("In overleg eerder", "overleg", "O"),
    "CL": ("Cliënt vertrokken", "client", "CL"),
    "AANB": ("Door ons beëindigd", "huisregels", "W"),
    "EXT": ("Van buitenaf", "extern", "X"),
    "UNK": ("Einde niet bekend", "onbekend", "?"),
}
DESTINATION: Mapping[str, Written] = {
    "HOME": ("Naar huis / familie", "thuis", "TH"),
    "INDEP": ("Eigen woning", "woning", "EW"),
    "COSM": ("COSM", "cosm", "COSM"),
    "OMM": ("OMM", "omm", "OMM"),
    "VO_MO": ("VO / MO", "vo-mo", "VOMO"),
    "AZC": ("Azc", "azc", "AZC"),
    "RETURN": ("Terugkeer", "terugkeer", "TK"),
    "UNKNOWN_LEFT": ("Met onbekende bestemming", "mob", "MOB"),
    "DEC": ("Overleden", "overleden", "OVL"),
    "UNK": ("Bestemming niet bekend", "onbekend", "?"),
}
EARLIER: Mapping[str, Written] = {
    "FIRST": ("Eerste keer", "eerste", "1"),
    "EARLIER": ("Eerder hulp gehad", "eerder", "2+"),
    "UNK": ("Eerdere hulp niet bekend", "onbekend", "?"),
}
NEAR: Mapping[str, Written] = {
    "SAME": ("Eigen provincie", "zelfde", "J"),
    "OTHER": ("Andere provincie", "andere", "N"),
    "UNK": ("Niet bekend", "onbekend", "?"),
}
PROVINCE: Mapping[str, Written] = {
    "PV20": ("Groningen", "gr", "GR"),
    "PV21": ("Fryslân", "fr", "FR"),
    "PV22": ("Drenthe", "dr", "DR"),
    "PV23": ("Overijssel", "ov", "OV"),
    "PV24": ("Flevoland", "fl", "FL"),
    "PV25": ("Gelderland", "ge", "GE"),
    "PV26": ("Utrecht", "ut", "UT"),
    "PV27": ("Noord-Holland", "nh", "NH"),
    "PV28": ("Zuid-Holland", "zh", "ZH"),
    "PV29": ("Zeeland", "ze", "ZE"),
    "PV30": ("Noord-Brabant", "nb", "NB"),
    "PV31": ("Limburg", "li", "LI"),
    "NLX": ("Herkomst niet bekend", "onbekend", "?"),
}
GROUP: Mapping[str, Written] = {
    "NL": ("Nederlandse", "nl", "NLD"),
    "EU": ("EU", "eu", "EU-ov"),
    "EUR": ("Europa, niet-EU", "europe-other", "Eur-ov"),
    "AFR": ("Afrika", "africa", "Afr"),
    "ASI": ("Azië", "asia", "Az"),
    "AME": ("Amerika", "americas", "Am"),
    "STL": ("Onbekend", "unknown", "stl"),
}
# Dutch names of the countries of ``figures.COUNTRIES``, for the system that writes names; one writes two
# letters.
COUNTRY: Mapping[str, str] = {
    "NL": "Nederlandse", "PL": "Poolse", "RO": "Roemeense", "BG": "Bulgaarse", "HU": "Hongaarse",
    "SK": "Slowaakse",
    "DE": "Duitse", "CZ": "Tsjechische", "LV": "Letse", "ES": "Spaanse", "BE": "Belgische",
    "UA": "Oekraïense",
    "AL": "Albanese", "BA": "Bosnische", "TR": "Turkse", "RU": "Russische", "MD": "Moldavische",
    "NG": "Nigeriaanse",
    "UG": "Oegandese", "SL": "Sierra Leoonse", "GN": "Guineese", "MA": "Marokkaanse", "CG": "Congolese",
    "CM": "Kameroense", "ER": "Eritrese", "GM": "Gambiaanse", "AO": "Angolese", "SO": "Somalische",
    "GH": "Ghanese", "VN": "Vietnamese", "PH": "Filipijnse", "CN": "Chinese", "AF": "Afghaanse",
    "SY": "Syrische",
    "IN": "Indiase", "MN": "Mongolische", "ID": "Indonesische", "TH": "Thaise", "IR": "Iraanse",
    "BR": "Braziliaanse", "CO": "Colombiaanse", "DO": "Dominicaanse", "VE": "Venezolaanse",
    "SR": "Surinaamse",
    "GR": "Griekse", "LT": "Litouwse", "PT": "Portugese", "FR": "Franse", "IT": "Italiaanse",
    "RS": "Servische",
    "AM": "Armeense", "BY": "Belarussische", "GE": "Georgische", "CI": "Ivoriaanse", "BI": "Burundese",
    "BJ": "Beninse", "SN": "Senegalese", "SD": "Soedanese", "ET": "Ethiopische", "KE": "Keniaanse",
    "ZW": "Zimbabwaanse", "TZ": "Tanzaniaanse", "KP": "Noord-Koreaanse", "NP": "Nepalese", "IQ": "Iraakse",
    "PK": "Pakistaanse", "JM": "Jamaicaanse", "XX": "Onbekend",
}  # fmt: skip
_PROBLEM_WORDS: Mapping[str, Written] = {
    "LVB": ("LVB", "lvb", "L"),
    "GGZ": ("psychisch", "ggz", "G"),
    "VER": ("verslaving", "verslaving", "V"),
    "MUL": ("leefgebieden", "multi", "M"),
}
_JOINED_BY = (" + ", ",", "")  # in the web system's export such a cell needs quotes


def _problems() -> Mapping[str, Written]:
    words: dict[str, Written] = {"NONE": ("geen", "geen", "0"), "UNK": ("niet ingevuld", "onbekend", "?")}
    flags: Sequence[str] = list(_PROBLEM_WORDS)
    for size in range(1, len(flags) + 1):
        for chosen in combinations(flags, size):
            desktop, web, sheet = (
                joint.join(_PROBLEM_WORDS[flag][system] for flag in chosen)
                for system, joint in enumerate(_JOINED_BY)
            )
            words["_".join(chosen)] = (desktop, web, sheet)
    return words


PROBLEMS = _problems()
FIELDS: Mapping[str, Mapping[str, Written]] = {
    "sex": SEX,
    "reason": REASON,
    "form": FORM,
    "help_type": HELP,
    "consent": CONSENT,
    "residence": RESIDENCE,
    "access": ACCESS,
    "problems": PROBLEMS,
    "province": PROVINCE,
    "facility_asked": FACILITY,
    "facility": FACILITY,
    "outcome": OUTCOME,
    "refusal": REFUSAL,
    "via": VIA,
    "channel": CHANNEL,
    "exit": EXIT,
    "destination": DESTINATION,
    "earlier": EARLIER,
    "near": NEAR,
}
