"""Every sentence that the node's people read on their screen, in Dutch and in English.

Errors are written where they arise, in English with the command that mends
them; this table is for what is asked, explained and shown.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Literal

Language = Literal["nl", "en"]

TEXTS: Mapping[str, tuple[str, str]] = {
    "app": (
        "Samentel bij uw instelling: gegevens blijven hier, alleen tellingen met ruis gaan eruit.",
        "Samentel at your institution: records stay here, only counts with noise leave.",
    ),
    "enrol.fingerprint": (
        "Lees dit voor aan de coördinator, aan de telefoon; daar moet hetzelfde staan:",
        "Read this out to the coordinator on the telephone; the same must be shown there:",
    ),
    "enrol.root": (
        "Vingerafdruk van het certificaat van de coördinator:",
        "Fingerprint of the coordinator's certificate:",
    ),
    "enrol.waiting": (
        "Wachten op bevestiging door de coördinator (Ctrl-C mag; voer daarna hetzelfde opnieuw uit) ...",
        "Waiting for the coordinator's confirmation (Ctrl-C is fine; run the same again later) ...",
    ),
    "enrol.done": (
        "Aangesloten als {node}. Start nu: samentel-node run",
        "Enrolled as {node}. Now start: samentel-node run",
    ),
    "enrol.not_yet": (
        "Nog niet bevestigd. Voer dit opnieuw uit als de coördinator heeft bevestigd.",
        "Not confirmed yet. Run this again once the coordinator has confirmed.",
    ),
    "init.done": (
        "Gemaakt: {path}. Vul mapping.toml in, kijk met `samentel-node check`, en meld aan met "
        "`samentel-node enrol UITNODIGING`.",
        "Made: {path}. Fill in mapping.toml, look with `samentel-node check`, and enrol with "
        "`samentel-node enrol INVITATION`.",
    ),
    "programme": ("Programma", "Programme"),
    "purpose": ("Doel", "Purpose"),
    "contact": ("Contact", "Contact"),
    "digest": ("Digest", "Digest"),
    "period": ("Periode", "Period"),
    "period.year": ("per kalenderjaar", "by calendar year"),
    "period.quarter": ("per kwartaal", "by quarter"),
    "of_whom": ("Wie tellen mee", "Who is counted"),
    "inflow": (
        "ieder telt bij het eerste contact in de periode",
        "each counts at the first contact in the period",
    ),
    "stock": ("ieder telt die in de periode aanwezig is", "each counts who is there in the period"),
    "rows": (
        "ten hoogste {k} rij(en) per persoon in elke tabel",
        "at most {k} row(s) of one person in each table",
    ),
    "tables": ("Tabellen", "Tables"),
    "codes": ("Codes", "Codes"),
    "cells": (
        "{cells} cellen, ruis (sd) {sd:.1f} per instelling",
        "{cells} cells, noise (sd) {sd:.1f} per institution",
    ),
    "privacy": ("Privacy", "Privacy"),
    "privacy.rho": (
        "rho = {rho} per poging (zCDP), ten hoogste {attempts} poging(en); dat is epsilon <= "
        "{epsilon:.2f} bij delta {delta}.",
        "rho = {rho} per attempt (zCDP), at most {attempts} attempt(s); that is epsilon <= "
        "{epsilon:.2f} at delta {delta}.",
    ),
    "privacy.power": (
        "Een aanvaller die al het andere weet en in 5 van de 100 gevallen ten onrechte 'ja' zegt, "
        "herkent iemand die er wel in staat in ten hoogste {power:.0f} van de 100 gevallen.",
        "An attacker who knows everything else and wrongly says 'yes' in 5 of 100 cases recognises "
        "a person who is there in at most {power:.0f} of 100 cases.",
    ),
    "privacy.individual": (
        "INDIVIDUELE WIJZE: de coördinator ziet de tabellen van deze instelling, met deze ruis, "
        "apart van de andere.",
        "INDIVIDUAL MODE: the coordinator sees this institution's tables, with this noise, apart "
        "from the others.",
    ),
    "roster": (
        "Gaat alleen door met ten minste {least} instellingen.",
        "Goes ahead with at least {least} institutions only.",
    ),
    "caps": (
        "Na goedkeuring mag dit programma per verslagjaar ten hoogste rho {cap} kosten; het huisplafond "
        "is rho {house}, voor alle programma's samen. De goedkeuring loopt tot {until}.",
        "Once approved this programme may cost at most rho {cap} a reporting year; the house cap "
        "is rho {house}, for all programmes together. The approval holds until {until}.",
    ),
    "approve.individual": (
        "dit programma laat de coördinator de tabellen van deze instelling apart zien: stem "
        "daarmee in met --individual",
        "this programme lets the coordinator see this institution's own tables: agree to that with "
        "--individual",
    ),
    "ledger": (
        "Het grootboek: wat aan privacy is beloofd en uitgegeven.",
        "The ledger: what privacy was promised and spent.",
    ),
    "help.config": (
        "node.toml; of zet {variable}. Standaard node.toml in de huidige map.",
        "node.toml; or set {variable}. Unless said otherwise node.toml in the current directory.",
    ),
    "help.lang": ("Taal: nl of en.", "Language: nl or en."),
    "approve.ask": (
        "Keurt u dit goed namens de instelling? [j/N] ",
        "Do you approve this for the institution? [y/N] ",
    ),
    "approve.no": ("Niet goedgekeurd; er is niets veranderd.", "Not approved; nothing has changed."),
    "approve.done": ("Goedgekeurd en in het grootboek gezet.", "Approved, and entered in the ledger."),
    "paused": ("Gepauzeerd: dit knooppunt doet nergens aan mee.", "Paused: this node takes part in nothing."),
    "resume.ask": (
        "Het grootboek hier is ouder dan wat de coördinator ervan heeft gezien: waarschijnlijk "
        "is een reservekopie teruggezet. Wat daarna is uitgegeven, staat hier niet. Toch doorgaan? [j/N] ",
        "The ledger here is older than what the coordinator has seen of it: probably a "
        "backup was restored. What was spent after it is not booked here. Go on nevertheless? [y/N] ",
    ),
    "resumed": ("Dit knooppunt doet weer mee.", "This node takes part again."),
    "ledger.holds": (
        "Het grootboek klopt: {entries} regels, hoofd {head}",
        "The ledger holds: {entries} entries, head {head}",
    ),
    "ledger.empty": ("Het grootboek is leeg.", "The ledger is empty."),
    "ledger.left": (
        "Over voor verslagjaar {year}: rho {central} van {cap}; als alle anderen samenspannen "
        "{local} van {local_cap}",
        "Left for reporting year {year}: rho {central} of {cap}; should everybody else collude "
        "{local} of {local_cap}",
    ),
    "status.node": ("Knooppunt", "Node"),
    "status.state": ("Toestand", "State"),
    "status.reason": ("Reden", "Reason"),
    "status.contact": ("Laatste contact", "Last contact"),
    "status.ledger": ("Grootboek", "Ledger"),
    "status.certificate": ("Certificaat tot", "Certificate until"),
    "status.rounds": ("Rondes", "Rounds"),
    "status.off": ("staat uit; start met: samentel-node run", "not running; start with: samentel-node run"),
    "never": ("nooit", "never"),
    "check.warning": (
        "Deze cijfers zijn EXACT en alleen voor dit scherm: bewaar of verstuur ze niet.",
        "These figures are EXACT and for this screen only: do not keep or send them.",
    ),
    "check.rows": ("Regels met inhoud", "Lines with content"),
    "check.persons": ("Verschillende personen", "Different persons"),
    "check.broken": (
        "Regels met een ander aantal velden dan de kop (regeleinde in een opmerking?): tellen NIET mee",
        "Lines with another number of fields than the header (line break in a remark?): do NOT count",
    ),
    "check.nobody": (
        "Regels zonder cliëntnummer: tellen NIET mee, vul het nummer aan",
        "Lines without a person's number: do NOT count, add the number",
    ),
    "check.undated": (
        "Regels zonder leesbare datum van eerste contact: tellen in elk jaar, in geen kwartaal",
        "Lines without a readable date of first contact: count in every year, in no quarter",
    ),
    "check.unknown_words": (
        "{field}: woorden zonder code (tellen als onbekend)",
        "{field}: words without a code (count as unknown)",
    ),
    "check.unmapped": (
        "{dimension}: geen kolom; alles telt als onbekend",
        "{dimension}: no column; everything counts as unknown",
    ),
    "check.fine": ("De mapping past bij het programma.", "The mapping fits the programme."),
    "check.mapping": ("De export en de mapping zijn leesbaar.", "The export and the mapping can be read."),
    "count": ("aantal", "count"),
    "doctor.fine": ("in orde", "fine"),
}

YES = {"nl": ("j", "ja", "y", "yes"), "en": ("y", "yes", "j", "ja")}


class Words:
    """The table in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def __call__(self, key: str, **values: object) -> str:
        """The sentence of that key."""
        return TEXTS[key][0 if self.language == "nl" else 1].format(**values)

    def either(self, nl: str, en: str) -> str:
        """One of two texts that a document brings itself."""
        return nl if self.language == "nl" else en

    def is_yes(self, answer: str) -> bool:
        """Whether a person said yes."""
        return answer.strip().casefold() in YES[self.language]


def language(arguments: Sequence[str], configured: str | None = None) -> Language:
    """Which language to speak: ``--lang``, then the configuration, then the environment, then Dutch."""
    asked = [two for one, two in zip(arguments, [*arguments[1:], ""], strict=True) if one == "--lang"]
    asked += [one.removeprefix("--lang=") for one in arguments if one.startswith("--lang=")]
    for wish in (*asked, configured):
        if wish == "nl":
            return "nl"
        if wish == "en":
            return "en"
    return "en" if os.environ.get("LANG", "").startswith("en") else "nl"
