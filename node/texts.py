"""Every sentence that the node's people read on their screen, in Dutch and in English.

Errors are written where they arise, in English with the command that mends
them; this table is for what is asked, explained and shown, and for faults of an
export's form, which are told in both languages at once.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Literal

from node import export_texts, population_texts

Language = Literal["nl", "en"]

TEXTS: Mapping[str, tuple[str, str]] = {
    **export_texts.TEXTS,
    **population_texts.TEXTS,
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
    "tables": ("Tabellen", "Tables"),
    "codes": ("Codes", "Codes"),
    "cells": (
        "{cells} cellen, ruis (sd) {sd:.1f} per instelling",
        "{cells} cells, noise (sd) {sd:.1f} per institution",
    ),
    "cells.shared": (
        "{cells} cellen, ruis (sd) {sd:.1f} in een landelijke cel; ons ruisdeel (sd) {share:.2f}",
        "{cells} cells, noise (sd) {sd:.1f} in a national cell; our noise share (sd) {share:.2f}",
    ),
    "sum": ("Beveiligde som", "Secure sum"),
    "sum.nobody": (
        "Niemand ziet de getallen van onze instelling, ook de coördinator niet: alleen de landelijke som van "
        "ten minste {least} instellingen wordt zichtbaar.",
        "Nobody sees our institution's numbers, nor does the coordinator: only the national sum of at least "
        "{least} institutions becomes visible.",
    ),
    "sum.counted_on": (
        "Hierboven en hieronder is gerekend met alle {number} instellingen van de deelnemerslijst.",
        "Above and below all {number} institutions of the roster are counted on.",
    ),
    "sum.no_roster": (
        "Er is nog geen deelnemerslijst ontvangen; gerekend is met het kleinste aantal: {number} "
        "instellingen.",
        "No roster has been received yet; the smallest number is counted on: {number} institutions.",
    ),
    "sum.collude": (
        "c = {c}: de rho hierboven geldt als ten hoogste zoveel andere instellingen samenspannen met de "
        "coördinator.",
        "c = {c}: the rho above holds if at most so many other institutions work together with the "
        "coordinator.",
    ),
    "sum.more": (
        "Zijn het er {most}, dan is het rho {more:.2f} per poging.",
        "If {most} of them do, it is rho {more:.2f} per attempt.",
    ),
    "sum.local": (
        "Vanaf {beyond}, en zeker als alle anderen tegen ons samenspannen, blijft alleen ons eigen ruisdeel "
        "over: rho {local} per poging (epsilon <= {epsilon:.2f}).",
        "From {beyond} on, and surely if everybody else works together against us, only our own noise share "
        "is left: rho {local} per attempt (epsilon <= {epsilon:.2f}).",
    ),
    "sum.local_cap": (
        "Het grootboek boekt ook dat; het plafond ervoor is rho {cap} per verslagjaar (caps.local).",
        "The ledger books that too; its cap is rho {cap} a reporting year (caps.local).",
    ),
    "sum.local_attempts": (
        "Bij {number} instellingen is dat genoeg voor {attempts} van de {most} poging(en).",
        "With {number} institutions that is enough for {attempts} of the {most} attempt(s).",
    ),
    "sum.local_short": (
        "LET OP: dan laat caps.local minder pogingen toe dan het programma. Wat erboven gaat, weigert dit "
        "knooppunt (budget-exhausted), tot iemand caps.local in node.toml verhoogt.",
        "NOTE: caps.local then admits fewer attempts than the programme does. This node refuses what goes "
        "beyond (budget-exhausted) until somebody raises caps.local in node.toml.",
    ),
    "sum.local_grows": (
        "Vanaf {beyond}, en zeker als alle anderen tegen ons samenspannen, blijft alleen ons eigen ruisdeel "
        "over. Wat dat per poging kost groeit met de deelnemerslijst: (n - c - D) x rho, bij n deelnemers:",
        "From {beyond} on, and surely if everybody else works together against us, only our own noise share "
        "is left. What that costs an attempt grows with the roster: (n - c - D) x rho, with n institutions:",
    ),
    "sum.absent": (
        "D = {d}: zoveel instellingen mogen onderweg uitvallen; vallen er meer uit, dan komt er geen som.",
        "D = {d}: so many institutions may fall out on the way; if more do, there is no sum.",
    ),
    "sum.lost": (
        "Een mislukte ronde kan kosten: zodra wij met een som hebben ingestemd, is de rho uitgegeven, ook "
        "als er niets wordt gepubliceerd. Een nieuwe poging kost opnieuw.",
        "A lost round may cost: once we have agreed to a sum the rho is spent, even if nothing is published. "
        "A new attempt costs again.",
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
    "privacy.institutions": (
        "Iemand die bij h instellingen staat, verliest rho x h^2 (per poging):",
        "Somebody who is at h institutions loses rho x h^2 (per attempt):",
    ),
    "privacy.years": (
        "Iemand die in y verslagjaren meetelt, verliest rho x y (bij een instelling, per poging):",
        "Somebody who counts in y reporting years loses rho x y (at one institution, per attempt):",
    ),
    "undated": (
        "een regel zonder leesbare datum telt mee in de jaartabellen van elk jaar",
        "a line without a readable date counts in the annual tables of every year",
    ),
    "undated.stays": (
        "maar wie naar einddatum telt, of op een dag aanwezig is, telt alleen met die datum",
        "but whoever counts by the end of a stay, or as present on a day, counts with that date only",
    ),
    "sealed": (
        "Wie in een periode telt, ligt hier vast zodra voor die periode voor het eerst ruis is getrokken: "
        "correcties daarna tellen in latere pogingen niet mee.",
        "Whom a period counts is fixed here once noise is first drawn for that period: corrections after "
        "that do not count in later attempts.",
    ),
    "roster": (
        "Gaat alleen door met ten minste {least} instellingen.",
        "Goes ahead with at least {least} institutions only.",
    ),
    "small": (
        "Kleine niveaus die wij kunnen vullen, en met ons weinig andere instellingen",
        "Small levels that we can fill, and few other institutions with us",
    ),
    "small.possible": (
        "Kleine niveaus in dit programma, die weinig instellingen kunnen vullen",
        "Small levels of this programme, which few institutions can fill",
    ),
    "small.level": (
        "{title}: {level} ({name}), +-{width:.0f} personen",
        "{title}: {level} ({name}), +-{width:.0f} persons",
    ),
    "small.means": (
        "Wie instemt, aanvaardt dat ons gezamenlijke totaal daar bekend wordt tot op ongeveer twee "
        "standaardafwijkingen van de landelijke ruis (het getal achter +-); doen de anderen niet mee, dan is "
        "dat ons eigen totaal. Het gaat om totalen van instellingen: voor een persoon blijft de rho wat die "
        "is. Zonder instemming doen wij niet mee.",
        "Whoever agrees accepts that our joint total there becomes known to about two standard deviations of "
        "the national noise (the number after +-); if the others take no part, it is our own total. It is "
        "about totals of institutions: for a person the rho stays what it is. Without that we take no part.",
    ),
    "small.no_roster": (
        "Er is nog geen deelnemerslijst ontvangen die onze instelling noemt. Stem nu in met wat wij kunnen "
        "vullen; wat ontbreekt, noemt `samentel-node status` later.",
        "No roster that names our institution has been received yet. Agree now to what we can fill; what is "
        "missing `samentel-node status` names later.",
    ),
    "small.options": ("Instemmen met alle: {options}", "To agree to all: {options}"),
    "small.agrees": (
        "Deze goedkeuring stemt in met kleine niveaus: {names}",
        "This approval agrees to small levels: {names}",
    ),
    "small.agreed": ("Ingestemd met kleine niveaus: {names}", "Agreed to small levels: {names}"),
    "approve.small": (
        "dit programma telt niveaus die weinig instellingen kunnen vullen: stem daarmee in met {options}",
        "this programme counts levels that few institutions can fill: agree to that with {options}",
    ),
    "table.follows": (
        "volgt uit andere tabellen en kost niets extra",
        "follows from other tables and costs nothing more",
    ),
    "table.total": ("totaal", "total"),
    "table.years": (
        "alleen gepubliceerd als som van {years} jaar",
        "published as the sum of {years} years only",
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
    "withdraw.done": (
        "Ingetrokken en in het grootboek gezet: dit programma krijgt niets meer. "
        "Wat al is uitgegeven, blijft uitgegeven.",
        "Withdrawn, and entered in the ledger: this programme gets nothing more. What was spent stays spent.",
    ),
    "approve.done": ("Goedgekeurd en in het grootboek gezet.", "Approved, and entered in the ledger."),
    "paused": ("Gepauzeerd: dit knooppunt doet nergens aan mee.", "Paused: this node takes part in nothing."),
    "resume.ask": (
        "De coördinator of een andere instelling (`samentel-node status` noemt wie) toont iets van dit "
        "knooppunt dat hier niet staat: waarschijnlijk is een reservekopie teruggezet, of werkt een tweede. "
        "Wat daar is uitgegeven, staat hier niet. Toch doorgaan? [j/N] ",
        "The coordinator or another institution (`samentel-node status` names them) shows something of this "
        "node that is not here: probably a backup was restored, or a second copy is at work. What was spent "
        "there is not booked here. Go on nevertheless? [y/N] ",
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
    "status.approvals": ("Goedkeuringen", "Approvals"),
    "status.until": ("tot {until}", "until {until}"),
    "status.withdrawn": ("ingetrokken of verlopen", "withdrawn or expired"),
    "status.small": (
        "kleine niveaus: instemming ontbreekt, wij doen niet mee; voer uit: samentel-node approve {digest} "
        "{options}",
        "small levels: not agreed to, so we take no part; run: samentel-node approve {digest} {options}",
    ),
    "status.sealed": (
        "Vastgelegd wie meetelt (latere correcties tellen niet meer)",
        "Who counts is fixed (later corrections do not count any more)",
    ),
    "status.left_out": (
        "Ronde {round} ({period}, poging {attempt}): de coördinator nam onze tellingen aan op {at} en liet "
        "ons buiten de som. Er is geen rho uitgegeven; alleen rho_local blijft geboekt. Het mag, als dit "
        "knooppunt na de laatste inzending niets meer van zich liet horen. Was het wel in bedrijf, dan "
        "bewijst het ontvangstbewijs dit.",
        "Round {round} ({period}, attempt {attempt}): the coordinator took our counts at {at} and left us "
        "out of the sum. No rho was spent; only rho_local stays booked. It is allowed if this node was not "
        "heard from after the last counts had arrived. If it was up, the receipt proves this.",
    ),
    "status.left_out.proof": (
        "Ontvangstbewijs en voorstel, beide door de coördinator ondertekend, als bestand voor de "
        "programma-autoriteit: samentel-node complaint {round} --out klacht.json",
        "Receipt and proposal, both signed by the coordinator, as a file for the programme authority: "
        "samentel-node complaint {round} --out complaint.json",
    ),
    "status.left_out.withheld": (
        "De coördinator toonde ons het voorstel niet. Het ontvangstbewijs als bestand, te leggen naast de "
        "publicatie, die noemt wie in de som zit: samentel-node complaint {round} --out klacht.json",
        "The coordinator did not show us the proposal. The receipt as a file, to be held against the "
        "release, which names who is in the sum: samentel-node complaint {round} --out complaint.json",
    ),
    "complaint.done": (
        "Geschreven: {path}. Er staan geen tellingen in. De programma-autoriteit controleert het met: "
        "samentel verify {path} --authority SLEUTELS",
        "Written: {path}. It holds no counts. The programme authority checks it with: "
        "samentel verify {path} --authority KEYS",
    ),
    "receipt.done": (
        "Geschreven: {path}. Er staan geen tellingen in. Wie de publicatie heeft, ziet ermee dat onze "
        "tellingen erin zitten: samentel verify MAP --coordinator SLEUTEL --receipt {path}",
        "Written: {path}. It holds no counts. Whoever has the release sees with it that our counts are "
        "in it: samentel verify DIR --coordinator KEY --receipt {path}",
    ),
    "status.off": ("staat uit; start met: samentel-node run", "not running; start with: samentel-node run"),
    "never": ("nooit", "never"),
    "count": ("aantal", "count"),
    "doctor.fine": ("in orde", "fine"),
}

YES = {"nl": ("j", "ja", "y", "yes"), "en": ("y", "yes", "j", "ja")}


def both(key: str, **values: object) -> str:
    """A sentence in both languages, the Dutch one first."""
    return "\n".join(text.format(**values) for text in TEXTS[key])


def beside(key: str, **values: object) -> str:
    """As ``both``, on one line: for one of many mistakes."""
    return " / ".join(text.format(**values) for text in TEXTS[key])


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
