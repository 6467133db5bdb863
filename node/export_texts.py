"""What is said of an institution's exports and of its mapping, in Dutch and English."""

from collections.abc import Mapping

TEXTS: Mapping[str, tuple[str, str]] = {
    "check.warning": (
        "Deze cijfers zijn EXACT en alleen voor dit scherm: bewaar of verstuur ze niet.",
        "These figures are EXACT and for this screen only: do not keep or send them.",
    ),
    "form.unreadable": (
        "De export {path} kan niet worden gelezen ({why}): zet het bestand daar neer, of verbeter {place} "
        "in de mapping. Er is niets verstuurd.",
        "The export {path} cannot be read ({why}): put the file there, or correct {place} in the mapping. "
        "Nothing was sent.",
    ),
    "form.empty": (
        "De export {path} is leeg: er moet ten minste een regel met kolomnamen in staan; exporteer opnieuw. "
        "Er is niets verstuurd.",
        "The export {path} is empty: it needs at least a line with column names; export it anew. "
        "Nothing was sent.",
    ),
    "form.column": (
        "De export {path} heeft geen kolom {column!r}, zoals {place} zegt: verbeter {place} "
        "in de mapping, of neem de kolom op in de export. Er is niets verstuurd.",
        "The export {path} has no column {column!r}, as {place} says: correct {place} "
        "in the mapping, or put the column into the export. Nothing was sent.",
    ),
    "form.twice": (
        "De export {path} heeft meer dan een kolom {column!r} ({place}): geef een ervan een andere "
        "naam in de export. Er is niets verstuurd.",
        "The export {path} has more than one column {column!r} ({place}): give one of them another "
        "name in the export. Nothing was sent.",
    ),
    "form.delimiter": (
        "De kop van de export {path} is met scheidingsteken {delimiter!r} een enkel veld, zonder kolommen: "
        "verbeter {place} in de mapping. Er is niets verstuurd.",
        "The header of the export {path} is one field with delimiter {delimiter!r}, and has no column that "
        "is mapped: correct {place} in the mapping. Nothing was sent.",
    ),
    "form.delimiter_is": (
        "De kop van de export {path} is met scheidingsteken {delimiter!r} een enkel veld, zonder kolommen: "
        'zet {place} = "{guess}" in de mapping. Er is niets verstuurd.',
        "The header of the export {path} is one field with delimiter {delimiter!r}, and has no column that "
        'is mapped: write {place} = "{guess}" in the mapping. Nothing was sent.',
    ),
    "form.encoding": (
        "De export {path} is geen {encoding}: zet {place} in de mapping op wat uw systeem schrijft "
        "(meestal cp1252), of exporteer als UTF-8. Er is niets verstuurd.",
        "The export {path} is not {encoding}: set {place} in the mapping to what your system writes "
        "(mostly cp1252), or export it as UTF-8. Nothing was sent.",
    ),
    "form.utf8": (
        'De export {path} is geen {encoding} maar UTF-8: zet {place} = "utf-8" in de mapping. '
        "Er is niets verstuurd.",
        'The export {path} is not {encoding} but UTF-8: write {place} = "utf-8" in the mapping. '
        "Nothing was sent.",
    ),
    "mapping.missing": (
        "De mapping {path} kan niet worden gelezen: maak het bestand, of verbeter `mapping` in node.toml.",
        "The mapping file {path} cannot be read: make it, or correct `mapping` in node.toml.",
    ),
    "mapping.wrong": (
        "De mapping {path} klopt niet; verbeter wat hieronder staat. Er is niets verstuurd.",
        "Correct what is named below; nothing was sent. The mapping {path}",
    ),
    "mapping.code": (
        "{code} is geen code van het programma voor {dimension}",
        "{code} is not one of the programme's codes for {dimension}",
    ),
    "mapping.nobodys": (
        "van een contact weet niemand wie het was: laat dit weg; wie een nummer heeft, is een cliënt",
        "nobody knows whose a contact is: leave this out; whoever has a number is a client",
    ),
    "mapping.codes": ("die zijn", "those are"),
    "mapping.sections": ("de onderdelen van een mapping zijn", "the sections of a mapping are"),
    "check.rows": ("Regels met inhoud", "Lines with content"),
    "check.persons": ("Verschillende personen", "Different persons"),
    "check.counting": (
        "Regels die kunnen meetellen (met cliëntnummer)",
        "Lines that can count (with a person's number)",
    ),
    "check.broken": (
        "Regels met een ander aantal velden dan de kop (regeleinde in een opmerking?): tellen NIET mee",
        "Lines with another number of fields than the header (line break in a remark?): do NOT count",
    ),
    "check.nobody": (
        "Regels zonder cliëntnummer: tellen NIET mee, vul het nummer aan",
        "Lines without a person's number: do NOT count, add the number",
    ),
    "check.contacts_counting": (
        "Contacten die kunnen meetellen (elke regel is een contact, en telt op zichzelf)",
        "Contacts that can count (each line is one contact, and counts by itself)",
    ),
    "check.named": (
        "Regels met een cliëntnummer: zijn GEEN contact, want bekend is van wie zij zijn",
        "Lines with a person's number: are NO contact, since it is known whose they are",
    ),
    "check.unreadable_end": (
        "{column}: einddatum onleesbaar: telt als niet geëindigd",
        "{column}: end unreadable: counts as not ended",
    ),
    "check.ended_before": (
        "{column}: einde voor het begin: telt bij het einde, en is op de peildatum niet aanwezig",
        "{column}: end before the beginning: counts at its end, and is not there on the reference day",
    ),
    "check.unreadable_waiting": (
        "{column}: aantal dagen onleesbaar: telt als onbekend",
        "{column}: number of days unreadable: counts as unknown",
    ),
    "check.no_end": (
        "{title}: geen kolom `ended` bij [placements]: wie er is of vertrok is niet bekend, geen rij telt",
        "{title}: no column `ended` under [placements]: who is there or left is not known, no row counts",
    ),
    "check.of_quarters": (
        "{title}: de tabellen tonen hier iedereen van het jaar; in de ronde telt alleen wie hier in een "
        "kwartaal van {programme} is geteld",
        "{title}: the tables show everybody of the year here; a round counts only who was counted here in a "
        "quarter of {programme}",
    ),
    "check.registers": (
        "{title}: wij registreren kanaal {channel}; regels van een ander kanaal tellen bij een ander",
        "{title}: we register channel {channel}; lines of another channel count elsewhere",
    ),
    "check.registers_no_roster": (
        "{title}: nog geen lijst van deelnemers die zegt wat wij hiervan registreren; hier staan alle regels",
        "{title}: no roster yet that says what we register of these; all lines are shown here",
    ),
    "check.registers_none": (
        "{title}: wij registreren hiervan niets, onze regels tellen hier niet mee",
        "{title}: we register none of these, our lines do not count here",
    ),
    "check.undated": (
        "{column}: lege datum: telt in elk jaar, in geen kwartaal",
        "{column}: no date: counts in every year, in no quarter",
    ),
    "check.unreadable_contact": (
        "{column}: datum onleesbaar of van voor 1900: telt in elk jaar, in geen kwartaal",
        "{column}: date unreadable, or before 1900: counts in every year, in no quarter",
    ),
    "check.implausible": (
        "{column}: datum van voor 1990 of na vandaag: telt in het jaar dat er staat",
        "{column}: date before 1990 or after today: counts in the year that is written",
    ),
    "check.unreadable_age": (
        "{column}: leeftijd niet te bepalen of onwaarschijnlijk: telt als onbekend",
        "{column}: age unreadable or out of every band: counts as unknown",
    ),
    "check.duplicates": (
        "{column}: cliëntnummers met meer dan {k} regel(s) in een jaar: ten hoogste {k} ervan tellen",
        "{column}: persons with more than {k} line(s) in a year: at most {k} of them count",
    ),
    "check.unknown_codes": (
        "{column}: woord zonder code: telt als onbekend",
        "{column}: word without a code: counts as unknown",
    ),
    "check.mostly_unknown": (
        "{dimension}: meer dan de helft is onbekend ({unknown} van {all}): klopt de kolom, klopt de mapping?",
        "{dimension}: more than half is unknown ({unknown} of {all}): is it the right column and mapping?",
    ),
    "check.values": (
        "Welke woorden het zijn, alleen op dit scherm: samentel-node check --values",
        "Which words they are, on this screen only: samentel-node check --values",
    ),
    "check.unmapped": (
        "{dimension}: geen kolom; alles telt als onbekend",
        "{dimension}: no column; everything counts as unknown",
    ),
    "check.strangers": (
        "Personen die niet in het cliëntenbestand staan: tellen mee, wat dat bestand zou zeggen is onbekend",
        "Persons who are not among the clients: they count, what the clients' file would tell is unknown",
    ),
    "check.limited": (
        "{dimension} ({kind}): volgens de lijst van deelnemers heeft de instelling deze soort niet: onbekend",
        "{dimension} ({kind}): a kind that this institution does not have, says the roster: unknown",
    ),
    "check.no_roster": (
        "Nog geen lijst van deelnemers die deze instelling noemt: de soorten opvang die zij heeft zijn niet "
        "bekend; een regel die er een noemt, staat in de tabellen als onbekend",
        "No roster that names this institution yet: the kinds of places it has are not known; a line that "
        "names one is shown as unknown in the tables",
    ),
    "check.no_table": (
        "Nog geen lijst van deelnemers die deze instelling noemt, en dus geen tabellen naar soort "
        "organisatie of provincie: {tables}",
        "No roster that names this institution yet, and so no tables by kind of organisation or province: "
        "{tables}",
    ),
    "check.no_lines": (
        "De mapping heeft [{kind}], maar er is geen enkele zulke regel: klopt het bestand, en de woorden?",
        "The mapping has [{kind}], but there is no such line at all: are file and words the right ones?",
    ),
    "check.never": (
        "{place}: het woord {word!r} staat nergens in die kolom: is het zo gespeld als in de export?",
        "{place}: the word {word!r} is nowhere in that column: is it spelled as in the export?",
    ),
    "check.not_asked": (
        "In de mapping, en niet gevraagd door dit programma: {fields}",
        "In the mapping, and not asked by this programme: {fields}",
    ),
    "check.clients": ("Cliënten", "Clients"),
    "check.victims": ("Slachtoffers", "Victims"),
    "check.requests": ("Verzoeken om opvang", "Requests for shelter"),
    "check.placements": ("Plaatsingen", "Placements"),
    "check.contacts": ("Contacten", "Contacts"),
    "check.total": ("Totaal", "Total"),
    "check.fine": ("De mapping past bij het programma.", "The mapping fits the programme."),
    "check.mapping": ("De export en de mapping zijn leesbaar.", "The export and the mapping can be read."),
}
