"""What is known of the sector from published figures, and what is assumed where nothing was published.

Every table says which of the two it is. "Register" is the register of
CoMensha, as the Nationaal Rapporteur and UNODC (Global Report on Trafficking in
Persons, GLOTIP) publish it. Nothing in here was drawn from a record of a person.
"""

from collections.abc import Mapping, Sequence

# Victims in help in a year. Nobody knows how many there are; drawn around this, and within the least and
# the most of the register of 2018-2024: 668 (US TIP 2020), 1,334 (US TIP 2021).
VICTIMS, VICTIMS_LEAST, VICTIMS_MOST = 850, 668, 1334
VICTIMS_SPREAD = 0.12  # of the logarithm of the number from year to year; assumed
# Women's shelter sees over 16,500 people a year in 20 institutions (huiselijkgeweld.nl, 4 December 2018).
SHELTER_CLIENTS, SHELTERS = 16_500, 20

# Form of exploitation. The register of 2018, 2019 and 2020 (US TIP 2020-2022; domestic from nu.nl 2019-10
# and from 849 - 668 and 408 - 289): domestic sexual 20, 14 and 12 %, cross-border 49, 50 and 29 %, labour
# without forced crime 12, 17 and 46 %, forced crime 9, 15 and 16 %, uncategorised 6, 5 and 4 % (16 % in
# 2016). How the five groups fall apart into forms is not published, and assumed.
FORMS: Mapping[str, float] = {
    "SEX_DOM": 0.16, "SEX_XB": 0.35, "SEX_UNK": 0.05, "LAB": 0.20, "SRV": 0.03, "BEG": 0.01, "CRI": 0.125,
    "MAR": 0.010, "SUR": 0.001, "ADO": 0.001, "ORG": 0.001, "OTH": 0.012, "UNK": 0.050,
}  # fmt: skip

# By form: girls, women, boys, men, of a hundred. GLOTIP for the Netherlands: sexual exploitation 2014-2018
# (505, 2,215, 27, 279; "<5" taken as 2), labour 2014-2018 (13, 256, 26, 472), other forms 2018 (6, 18, 12,
# 64). That domestic cases are younger: 29 of 132 were minors in 2018 (nu.nl 2019-10).
SEX_AND_AGE: Mapping[str, tuple[float, float, float, float]] = {
    "SEX_DOM": (27, 66, 2, 5), "SEX_XB": (9, 77, 1, 13), "SEX_UNK": (17, 73, 1, 9), "LAB": (2, 33, 3, 62),
    "SRV": (4, 60, 2, 34), "BEG": (10, 40, 15, 35), "CRI": (8, 14, 24, 54), "MAR": (35, 60, 2, 3),
    "SUR": (0, 100, 0, 0), "ADO": (50, 25, 25, 0), "ORG": (0, 20, 0, 80), "OTH": (6, 18, 12, 64),
    "UNK": (10, 45, 10, 35),
}  # fmt: skip
SEX_UNKNOWN = 0.08  # register: 15 % in 2016 (GLOTIP, 145 of 952), 1 % in 2017 (European Commission)
SEX_OTHER = 0.01  # assumed
AGE_UNKNOWN = 0.08  # register of 2019: 9 % (GLOTIP, 121 of 1,334); some more are lost with a date
# Bands of ages and their weights. Register 2013-2017: 23 % minors, 23 % 18-22, 23 % 30 and over (NJi); of
# 291 minors in 2015 235 were 15 to 17 (NJi).
MINORS: Sequence[tuple[int, int, float]] = ((8, 14, 0.19), (15, 17, 0.81))
ADULTS: Sequence[tuple[int, int, float]] = ((18, 22, 0.30), (23, 29, 0.40), (30, 64, 0.30))

# Countries with their group, and persons in the register of 2015-2018 together (GLOTIP; "<5" taken as 2).
# Of the tail a part: 56 to 80 citizenships were seen in each year of 2008-2016.
COUNTRIES: Mapping[str, tuple[str, float]] = {
    "NL": ("NL", 1231),
    "PL": ("EU", 251), "RO": ("EU", 212), "BG": ("EU", 173), "HU": ("EU", 98), "SK": ("EU", 14),
    "CZ": ("EU", 9), "GR": ("EU", 8), "LV": ("EU", 6), "BE": ("EU", 6), "DE": ("EU", 5), "LT": ("EU", 4),
    "ES": ("EU", 4), "PT": ("EU", 2), "FR": ("EU", 2), "IT": ("EU", 2),
    "UA": ("EUR", 25), "AL": ("EUR", 11), "BA": ("EUR", 10), "TR": ("EUR", 8), "RU": ("EUR", 7),
    "MD": ("EUR", 4), "RS": ("EUR", 4), "AM": ("EUR", 4), "BY": ("EUR", 2), "GE": ("EUR", 2),
    "NG": ("AFR", 285), "UG": ("AFR", 133), "SL": ("AFR", 74), "GN": ("AFR", 74), "MA": ("AFR", 52),
    "CG": ("AFR", 27), "ER": ("AFR", 22), "CM": ("AFR", 18), "GM": ("AFR", 13), "AO": ("AFR", 12),
    "CI": ("AFR", 12), "SO": ("AFR", 7), "GH": ("AFR", 6), "BI": ("AFR", 5), "BJ": ("AFR", 4),
    "SN": ("AFR", 4),
    "SD": ("AFR", 4), "ET": ("AFR", 3), "KE": ("AFR", 3), "ZW": ("AFR", 2), "TZ": ("AFR", 2),
    "PH": ("ASI", 68), "VN": ("ASI", 66), "CN": ("ASI", 48), "AF": ("ASI", 37), "SY": ("ASI", 30),
    "IN": ("ASI", 20), "MN": ("ASI", 14), "ID": ("ASI", 13), "KP": ("ASI", 8), "TH": ("ASI", 7),
    "IR": ("ASI", 6),
    "NP": ("ASI", 4), "IQ": ("ASI", 3), "PK": ("ASI", 3),
    "BR": ("AME", 30), "CO": ("AME", 11), "DO": ("AME", 11), "VE": ("AME", 5), "SR": ("AME", 4),
    "JM": ("AME", 2),
    "XX": ("STL", 200),  # 81 of 952 unknown in 2016
}  # fmt: skip
# One nationality surges in one year: Nigeria, 71 a year in 2015-2018, 149 in 2018, 512 in 2019 (GLOTIP):
# between 3 and 7 times as many.
SURGE_COUNTRY, SURGE_TIMES = "NG", 5.0
# How much likelier a group is with a form than among all. 113 of 139 victims of the loverboy method were
# Dutch in 2017 (NJi); the rest is assumed.
FORM_AND_GROUP: Mapping[str, Mapping[str, float]] = {
    "SEX_DOM": {"NL": 7, "EU": 0.5, "EUR": 0.4, "AFR": 0.3, "ASI": 0.3, "AME": 0.6, "STL": 0.6},
    "SEX_XB": {"NL": 0.12, "EU": 1.0, "EUR": 1.2, "AFR": 2.0, "ASI": 0.8, "AME": 2.0, "STL": 1.0},
    "LAB": {"NL": 0.12, "EU": 2.0, "EUR": 2.0, "AFR": 0.5, "ASI": 1.8, "AME": 1.0, "STL": 0.7},
    "CRI": {"NL": 2.5, "EU": 0.8, "EUR": 0.8, "AFR": 0.7, "ASI": 0.9, "AME": 0.5, "STL": 1.0},
}
LIKE: Mapping[str, str] = {"SEX_UNK": "SEX_XB", "SRV": "LAB", "BEG": "LAB"}  # forms that go with another

# By group of citizenship. A reflection period was given 258 times in 2012 and 174 times in 2014, and a
# "substantial part" of foreign victims uses asylum instead (Rapporteur; WODC Cahier 2020-6). Shares are
# assumed.
RESIDENCE: Mapping[str, Mapping[str, float]] = {
    "NL": {"NAT": 1.0},
    "EU": {"EUF": 0.84, "REF": 0.06, "B8": 0.04, "UNK": 0.06},
    "EUR": {"ASYL": 0.2, "REF": 0.2, "B8": 0.15, "OTHR": 0.25, "NONE": 0.1, "CONT": 0.03, "UNK": 0.07},
    "AFR": {"REF": 0.30, "B8": 0.20, "ASYL": 0.26, "NONE": 0.11, "CONT": 0.04, "OTHR": 0.03, "UNK": 0.06},
    "ASI": {"REF": 0.27, "B8": 0.18, "ASYL": 0.2, "NONE": 0.14, "CONT": 0.04, "OTHR": 0.1, "UNK": 0.07},
    "AME": {"REF": 0.2, "B8": 0.14, "ASYL": 0.1, "NONE": 0.3, "CONT": 0.04, "OTHR": 0.15, "UNK": 0.07},
    "STL": {"UNK": 0.55, "ASYL": 0.2, "NONE": 0.15, "REF": 0.1},
}
# How often somebody who is not placed is refused help for the residence status. Victims who do not work
# with the police got no support in 2021 and 2022 (US TIP); shares are assumed.
REFUSED_FOR_STATUS: Mapping[str, float] = {
    "NAT": 0.0, "EUF": 0.05, "REF": 0.03, "B8": 0.01, "CONT": 0.01, "ASYL": 0.1, "OTHR": 0.06, "NONE": 0.3,
    "UNK": 0.03,
}  # fmt: skip
ACCESS_UNKNOWN = 0.05  # assumed

# Helpers reported 550 a year in 2014-2017, without needing consent, and 150 in 2018, when they needed it
# (nu.nl 2019-10): of 850. Care coordinators reported 312 in 2023 and 301 in 2024 of all reports (CoMensha),
# so more often than others. 309 of 2,055 victims on a list of help were on one of the police, the border
# police or the Labour Inspectorate as well (Van Dijk et al. 2017, the overlap table of 2010-2015). The rest
# is assumed.
REPORTED_WITH_CONSENT: Mapping[bool, float] = {True: 150 / 850, False: 550 / 850}
REPORTED_BY_DUTY = 309 / 2055
REPORTS_MORE: Mapping[str, float] = {"ZC": 1.8}  # times as often as the others
OTHERS_REPORT = 0.62
NOT_REPORTED: Mapping[str, float] = {"NOT_REFUSED": 0.33, "NOT_ASKED": 0.40, "NOT_UNSAFE": 0.09, "UNK": 0.18}

# Problems (the criteria of OMM): how often each of four, how much likelier each makes the next. Assumed.
PROBLEMS: Mapping[str, float] = {"LVB": 0.14, "GGZ": 0.30, "VER": 0.10, "MUL": 0.24}
PROBLEMS_TOGETHER = 1.5
PROBLEMS_UNKNOWN = 0.22

# Province of origin. Four of the ten police units report over 75 % of domestic sexual exploitation
# (Rapporteur, 2018-10-18). Which four is not said there; these provinces are assumed.
PROVINCES: Mapping[str, float] = {
    "PV20": 2.5, "PV21": 2, "PV22": 1.5, "PV23": 3, "PV24": 1.5, "PV25": 14, "PV26": 3, "PV27": 26,
    "PV28": 28,
    "PV29": 1, "PV30": 16, "PV31": 1.5,
}  # fmt: skip
PROVINCE_UNKNOWN = 0.06  # assumed
OWN_REGION = 0.70  # of women's shelter clients come from the own work area (monitor 2015)

# 71 of 2,055 victims on the help side were on two of its lists or more (Van Dijk et al. 2017).
AT_TWO = 71 / 2055
# OMM had 20 first requests and 35 placements in 2020, as people move on from COSM (CoMensha).
OMM_MOVED_ON = 15 / 35

# Requests that an institution notes itself, by the kind of place it has, of its placements; and by its
# type, of its victims, for those who ask elsewhere on their behalf. In 2013 212 clients were sought a first
# shelter for, 131 were placed in COSM, 47 in women's or social shelter, and 34 (16 %) in neither
# (CoMensha).
REQUESTS_A_PLACE: Mapping[str, float] = {"COSM": 0.62, "OMM": 0.80, "VO_MO": 0.78, "ISZW": 0.8, "JH": 0.6}
REQUESTS_A_VICTIM: Mapping[str, float] = {"ZC": 0.14, "AMB": 0.08, "NGO": 0.08}
# How many of those who ask come to nothing: those 16 % together, apart by kind of place as assumed.
NOT_PLACED: Mapping[str, float] = {
    "COSM": 0.11,
    "OMM": 0.2,
    "VO_MO": 0.32,
    "ISZW": 0.1,
    "JH": 0.25,
    "OTH": 0.2,
}
ASKED_ELSEWHERE: Mapping[str, float] = {"COSM": 0.42, "VO_MO": 0.30, "OMM": 0.10, "JH": 0.08, "OTH": 0.10}
OUTCOMES_NOT_PLACED: Mapping[str, float] = {"REFUSED": 0.68, "WAIT": 0.12, "WITHDRAWN": 0.12, "UNK": 0.08}
# Shelters refuse for ties to the region "though that should not be a contra-indication" (CoMensha, 2020);
# COSM is "structurally full" (CoMensha, 2018-09). Shares are assumed.
REFUSALS: Mapping[str, Mapping[str, float]] = {
    "COSM": {"FULL": 0.42, "STATUS": 0.15, "COOP": 0.12, "SAFE": 0.08, "COMPLEX": 0.08, "SEXGRP": 0.05,
        "UNK": 0.1},
    "OMM": {"COMPLEX": 0.35, "FULL": 0.3, "SAFE": 0.1, "OTH": 0.1, "UNK": 0.15},
    "VO_MO": {"REGIO": 0.38, "FULL": 0.24, "STATUS": 0.1, "SEXGRP": 0.08, "COMPLEX": 0.08, "SAFE": 0.06,
        "UNK": 0.06},
    "JH": {"FULL": 0.5, "AGE": 0.2, "COMPLEX": 0.2, "UNK": 0.1},
}  # fmt: skip
# Days from asking to a place: the first and the last of a band, and its weight. Assumed.
WAITING: Sequence[tuple[int, int, float]] = ((0, 1, 0.36), (2, 7, 0.34), (8, 28, 0.22), (29, 60, 0.08))
# How often a request goes through CoMensha: always for COSM, OMM and the beds for victims of labour
# exploitation, where it alone places (CoMensha). It only mediates to women's and social shelter, 47 times in
# 2013. How often others ask a shelter directly is assumed, and so is the rest.
MEDIATED: Mapping[str, float] = {
    "COSM": 1.0, "OMM": 1.0, "ISZW": 1.0, "VO_MO": 0.75, "JH": 0.3, "OTH": 0.5,
}  # fmt: skip
MEDIATED_ELSEWHERE = 0.97  # of requests by helpers without a place, whatever is asked for; assumed
NOTED_BY_ANOTHER = 0.35  # of mediated requests that came to nothing, how many a second shelter has noted too
CHANNEL_UNKNOWN = 0.04  # of requests that an institution has noted; assumed
WAITING_UNKNOWN = 0.05  # of placements, of which nobody noted when they were asked for; assumed
ASKS_AGAIN = 0.08  # of persons with a request, in the same year; assumed
SECOND_PLACE = 0.04  # of persons placed, at the same institution, where it has a second kind; assumed
PLACED_AGAIN = 0.06  # of persons placed, in the same kind of place; assumed

# The reason that is recorded for a victim. How often a victim's reason says nothing of trafficking is not
# known.
REASON_OF_FORM: Mapping[str, str] = {
    "SEX_DOM": "THB_SEX", "SEX_XB": "THB_SEX", "SEX_UNK": "THB_SEX", "LAB": "THB_LAB", "SRV": "THB_LAB",
    "BEG": "THB_LAB", "CRI": "THB_CRI", "MAR": "THB_OTH", "SUR": "THB_OTH", "ADO": "THB_OTH",
    "ORG": "THB_OTH",
    "OTH": "THB_OTH", "UNK": "THB_SUSP",
}  # fmt: skip
ONLY_SUSPECTED = 0.22
ANOTHER_REASON: Mapping[str, float] = {"HG": 0.3, "DAK": 0.15, "ASY": 0.15, "NREC": 0.3, "NASK": 0.1}
VICTIMS_UNDER_ANOTHER_REASON = 0.15  # only where victims have a file of their own
# The reason of clients who are no victims, by type of institution. No figure of any of this was ever
# published, that of "not recorded" and "not asked" least of all: it is what this project is for.
REASONS: Mapping[str, Mapping[str, float]] = {
    "VO_MO": {"HG": 47, "EER": 4, "SV": 3, "DAK": 14, "GGZ": 4, "VER": 2, "LVB": 2, "SCH": 4, "ASY": 1,
        "ZOR": 2,
              "OTH": 3, "NREC": 9, "NASK": 5},
    "JEUGD": {"HG": 16, "SV": 6, "GGZ": 22, "VER": 4, "LVB": 12, "DAK": 2, "ZOR": 14, "OTH": 8, "NREC": 12,
              "NASK": 4},
    "AMB": {"HG": 18, "SV": 6, "GGZ": 18, "VER": 7, "LVB": 5, "DAK": 6, "SCH": 8, "ASY": 4, "ZOR": 8,
        "OTH": 5,
            "NREC": 8, "NASK": 7},
    "ZC": {"HG": 20, "SV": 16, "ASY": 16, "DAK": 8, "OTH": 20, "NREC": 12, "NASK": 8},
}  # fmt: skip
REASONS_LIKE: Mapping[str, str] = {"COSM": "VO_MO", "OMM": "VO_MO", "NGO": "AMB", "LEG": "AMB"}
# Sex and citizenship of clients who are no victims; assumed.
CLIENT_SEXES: Mapping[str, float] = {"F": 66, "M": 29, "X": 1, "U": 4}
CLIENT_DUTCH = 0.62
CLIENT_AGE_UNKNOWN = 0.04

# The kind of help of victims who have no place, by type of institution. Assumed.
HELP: Mapping[str, Mapping[str, float]] = {
    "VO_MO": {"AMB": 0.62, "HB_OTH": 0.14, "ONL": 0.06, "LEG": 0.06, "UNK": 0.12},
    "JEUGD": {"AMB": 0.66, "ONL": 0.16, "HB_OTH": 0.08, "UNK": 0.10},
    "AMB": {"AMB": 0.72, "ONL": 0.12, "LEG": 0.08, "UNK": 0.08},
    "NGO": {"AMB": 0.42, "ONL": 0.26, "LEG": 0.24, "UNK": 0.08},
    "LEG": {"LEG": 0.92, "UNK": 0.08},
    "ZC": {"ZC": 0.90, "AMB": 0.05, "UNK": 0.05},
}
HELP_LIKE: Mapping[str, str] = {"COSM": "VO_MO", "OMM": "VO_MO"}
HELP_IN_PLACE: Mapping[str, str] = {
    "COSM": "HB_COSM", "OMM": "HB_OMM", "ISZW": "HB_ISZW", "VO_MO": "HB_VOMO", "JH": "HB_JH",
}  # fmt: skip

# Days of a stay: the first and the last of a band, and its weight. COSM is for three months at most, and
# longer for a reason (CoMensha, 2018-09): 131 placements a year fill some 50 places only if many stay longer.
# 18 of the 36 places of OMM were taken in October 2019. The rest is assumed.
STAYS: Mapping[str, Sequence[tuple[int, int, float]]] = {
    "COSM": ((3, 30, 0.12), (31, 92, 0.33), (93, 300, 0.55)),
    "OMM": ((20, 120, 0.3), (121, 300, 0.5), (301, 420, 0.2)),
    "VO_MO": ((3, 60, 0.35), (61, 200, 0.45), (201, 400, 0.2)),
    "ISZW": ((3, 42, 0.7), (43, 120, 0.3)),
    "JH": ((10, 120, 0.3), (121, 365, 0.5), (366, 500, 0.2)),
}
# How a stay ended, and where somebody went; assumed.
EXITS: Mapping[str, float] = {"PLAN": 0.52, "MUT": 0.12, "CL": 0.16, "AANB": 0.06, "EXT": 0.05, "UNK": 0.09}
DESTINATIONS: Mapping[str, float] = {
    "HOME": 0.10, "INDEP": 0.17, "COSM": 0.03, "OMM": 0.06, "VO_MO": 0.20, "AZC": 0.17, "RETURN": 0.05,
    "UNKNOWN_LEFT": 0.12, "DEC": 0.004, "UNK": 0.096,
}  # fmt: skip
# Whether a victim had help for trafficking before; assumed. Police records say something else: 45 % become
# victims of any offence again within five years.
EARLIER: Mapping[str, float] = {"FIRST": 0.60, "EARLIER": 0.17, "UNK": 0.23}
NEAR_UNKNOWN = 0.05  # where an institution notes it itself; assumed
# Contacts without a person in a year, of an institution with so many victims, by its type; and how much more
# often than among clients nothing is known of the reason. 299 victims came into view in one chat in a year
# (NOS 2020); how many contacts that took was not published, and all of this is assumed.
CONTACTS_A_VICTIM: Mapping[str, float] = {
    "VO_MO": 0.8,
    "JEUGD": 1.5,
    "AMB": 2.0,
    "NGO": 4.0,
    "ZC": 0.4,
    "LEG": 1.0,
}
CONTACTS_LIKE: Mapping[str, str] = {"COSM": "VO_MO", "OMM": "VO_MO"}
CONTACTS_NO_REASON = 0.3
CONTACTS_TRAFFICKING = 0.12
