"""What is said of whom a programme counts and who registers it, in Dutch and English."""

from collections.abc import Mapping

TEXTS: Mapping[str, tuple[str, str]] = {
    "of_whom": ("Wie tellen mee", "Who is counted"),
    "inflow.clients": (
        "ieder telt bij het eerste contact in de periode",
        "each counts at the first contact in the period",
    ),
    "inflow.victims": (
        "ieder telt bij het eerste contact in de periode",
        "each counts at the first contact in the period",
    ),
    "inflow.requests": (
        "ieder telt in de periode waarin de datum van het verzoek valt",
        "each counts in the period in which the date of the request lies",
    ),
    "inflow.placements": (
        "ieder telt in de periode waarin de datum van de plaatsing valt",
        "each counts in the period in which the date of the placement lies",
    ),
    "inflow.contacts": (
        "elk contact telt in de periode waarin de datum van het contact valt",
        "each contact counts in the period in which its date lies",
    ),
    "inflow.ended": (
        "ieder telt in de periode waarin de plaatsing eindigde; zonder leesbare einddatum is zij niet "
        "geëindigd",
        "each counts in the period in which the placement ended; without a readable end it has not ended",
    ),
    "stock": (
        "ieder telt die er op {day} van het jaar is (dag-maand): op die dag of eerder geplaatst, en niet "
        "op die dag of eerder vertrokken",
        "each counts who is there on {day} of the year (day-month): placed on that day or before, and not "
        "gone on that day or before",
    ),
    "rows": (
        "ten hoogste {k} rij(en) per persoon in elke tabel",
        "at most {k} row(s) of one person in each table",
    ),
    "contacts.unit": (
        "van een contact weet niemand wie het was. De eenheid van privacy is hier EEN CONTACT, geen persoon: "
        "wie vijf keer belt, telt vijf keer, en is minder beschermd",
        "nobody knows whose a contact is. The unit of privacy is ONE CONTACT here, not a person: whoever "
        "calls five times counts five times, and is protected less",
    ),
    "of_quarters": (
        "alleen wie wij in een kwartaal van dat jaar hebben geteld voor {programme}; is er geen kwartaal "
        "geteld, dan niemand",
        "only whom we counted in a quarter of that year for {programme}; nobody if no quarter was counted",
    ),
    "registers": (
        "geregistreerd door deze soorten instellingen: {types}",
        "registered by these kinds of institutions: {types}",
    ),
    "registers.channels": (
        "geregistreerd door deze soorten instellingen, elk voor haar eigen kanaal: {types}",
        "registered by these kinds of institutions, each for its own channel: {types}",
    ),
    "registers.field": (
        "een regel telt waar het kanaal van die regel het eigen kanaal is, of niet bekend is (veld {field}): "
        "zo telt wat meer instellingen noteren een keer",
        "a line counts where its channel is the institution's own, or is not known (field {field}): so what "
        "several institutions note counts once",
    ),
    "registers.ours": (
        "onze instelling ({kind}) registreert kanaal {channel}",
        "our institution ({kind}) registers channel {channel}",
    ),
    "registers.all": (
        "onze instelling ({kind}) registreert al haar regels hiervan",
        "our institution ({kind}) registers all of its lines of these",
    ),
    "registers.none": (
        "onze instelling ({kind}) registreert hiervan niets: onze regels tellen hier niet, wij doen mee met "
        "nullen",
        "our institution ({kind}) registers none of these: our lines do not count here, we take part with "
        "zeros",
    ),
    "registers.no_roster": (
        "er is nog geen deelnemerslijst die zegt wat onze instelling registreert",
        "no roster yet that says what our institution registers",
    ),
}
