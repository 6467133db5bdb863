"""``samentel-node init``: a directory with all that an institution fills in, keys, and an empty ledger."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from node import config, identity
from node.store import Store
from samentel.documents.keys import verify_key
from samentel.errors import DocumentError, LocalFault

MOST_KEYS, LONGEST_NAME = 16, 150

CONFIG = """\
# Samentel: instellingen van dit knooppunt / configuration of this node.
# Paden gelden vanaf deze map / paths are relative to this directory.

# Sleutels en grootboek; maak hier een reservekopie van / keys and ledger; back this up.
state_dir = "state"
# Waar de export staat en wat zijn woorden betekenen / where the export is and what its words mean.
mapping = "mapping.toml"
language = "nl"              # "nl" of/or "en"
# Als het pad van state_dir te lang is / if state_dir's path is too long:
# control_socket = "/run/samentel/node.sock"

# De sleutels van de programma-autoriteit. Haal ze langs een eigen weg, nooit bij de coordinator.
# The programme authority's keys. Get them by your own channel, never from the coordinator.
[authority]
keys = [{keys}]
threshold = {threshold}                # zoveel moeten er tekenen / so many must sign

# Het meeste dat een persoon in een verslagjaar aan privacy mag verliezen (rho), alle programma's samen.
# The most privacy (rho) that a person may lose in one reporting year, all programmes together.
[caps]
central = "{central}"                # tegenover wie de uitkomsten ziet / against whoever sees the figures
# Als alle anderen samenspannen blijft alleen de eigen ruis over. Dat kost meer naarmate er meer instellingen
# zijn: 80 is genoeg voor twee pogingen van het standaardprogramma bij 80 instellingen. `approve` toont het.
# Should everybody else collude, only our own noise is left. That costs more the more institutions there are:
# 80 is enough for two attempts of the default programme at 80 institutions. `approve` shows it.
local = "{local}"

[floors]
institutions_min = {floor}         # nooit met minder instellingen / never with fewer institutions
# Met zoveel instellingen mag de coordinator samenspannen zonder dat een gezamenlijke som minder beschermt.
# So many institutions may work together with the coordinator before a secure sum protects less.
collude_min = {collude}
"""

MAPPING = """\
# Waar de velden in de export van uw clientsysteem staan / where your client system's export keeps each field.
# Controleer met / check with:  samentel-node check

[file]
path = "export.csv"          # vanaf deze map / relative to this directory
encoding = "utf-8"           # utf-8, cp1252 (Windows) of/or latin-1
delimiter = ";"
quote = '"'
dates = ["%Y-%m-%d", "%d-%m-%Y"]

# veld = "kolomkop" / field = "column heading". Verplicht / required: person, first_contact.
[columns]
person = "clientnummer"
first_contact = "datum eerste contact"
birth_date = "geboortedatum"     # of/or birth_year, of/or age
sex = "geslacht"
citizenship = "nationaliteit"
reason = "aanleiding"

# Slachtoffers, verzoeken, plaatsingen, contacten: haal het hekje weg bij wat u hebt. Zonder [x.file]: het
# bestand boven. / Victims, requests, placements, contacts: take the hash away from what you have. Without
# [x.file]: the file above.
#[victims.only]  # alleen regels met een van deze woorden / only lines with one of these words
#"aanleiding" = ["seksuele uitbuiting", "arbeidsuitbuiting", "vermoeden mensenhandel"]
#[victims.columns]
#person = "clientnummer"
#form = "aanleiding"
#
#[requests.file]
#path = "verzoeken.csv"
#[requests.columns]
#person = "clientnummer"
#requested = "datum verzoek"
#facility_asked = "soort opvang"
#outcome = "uitkomst"
#refusal = "grond"
#channel = "via wie"          # rechtstreeks of via CoMensha / direct or through CoMensha
#
#[placements.file]
#path = "plaatsingen.csv"
#[placements.columns]
#person = "clientnummer"
#placed = "datum plaatsing"
#facility = "soort opvang"
#via = "vanuit"
#ended = "datum vertrek"      # leeg: nog aanwezig / empty: still there
#asked_on = "datum verzoek"   # voor de wachttijd; of/or waiting = "dagen gewacht"
#exit = "reden vertrek"
#destination = "naar"
#
# Contacten van wie niemand weet wie het was: elke regel telt op zichzelf. Geen cliëntnummer.
# Contacts of whom nobody knows who it was: each line counts by itself. No person's number.
#[contacts.file]
#path = "contacten.csv"
#[contacts.columns]
#contacted = "datum contact"
#reason = "aanleiding"

# woord in uw systeem = landelijke code / your system's word = national code.
# Hoofdletters en spaties doen er niet toe / capitals and blanks do not matter.
# Zonder tabel voor een veld gelden de landelijke codes zelf / without a table the national codes hold.
[codes.sex]
"vrouw" = "F"
"man" = "M"
"anders" = "X"

[codes.reason]
"seksuele uitbuiting" = "THB_SEX"
"arbeidsuitbuiting" = "THB_LAB"
"criminele uitbuiting" = "THB_CRI"
"vermoeden mensenhandel" = "THB_SUSP"
"huiselijk geweld" = "HG"
"niet gevraagd" = "NASK"

# code van een lege cel / code of an empty cell; anders/otherwise: onbekend/unknown.
[blank]
reason = "NREC"
"""


def init(directory: Path, *, authority: Sequence[Path], authority_threshold: int) -> Path:
    """Make a node's directory: node.toml, an example mapping, keys, an empty ledger.

    Args:
        authority: files with the programme authority's public keys, obtained out of band; copied.

    Returns:
        The path of node.toml.

    Raises:
        LocalFault: there is a node.toml already, or a key cannot be read.
        DocumentError: the threshold does not fit the keys.
    """
    path = directory / "node.toml"
    if path.exists():
        raise LocalFault(f"{path} exists: this directory has been set up before; choose another one")
    if not authority:
        raise LocalFault("name at least one public key of the programme authority with --authority FILE")
    keys = {file.name: _public_key(file) for file in authority}
    problems = _misfits(authority, keys, authority_threshold)
    if problems:
        raise DocumentError("samentel-node init", problems)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "authority").mkdir(exist_ok=True)
        for name, pem in keys.items():
            (directory / "authority" / name).write_bytes(pem)
        if not (directory / "mapping.toml").exists():
            (directory / "mapping.toml").write_text(MAPPING, "utf-8")
        text = CONFIG.format(
            keys=", ".join(
                json.dumps(f"authority/{name}", ensure_ascii=False) for name in keys
            ),  # a printable text in JSON is one in TOML
            threshold=authority_threshold,
            central=config.CENTRAL_CAP,
            local=config.LOCAL_CAP,
            floor=config.INSTITUTIONS_FLOOR,
            collude=config.COLLUDE_FLOOR,
        )
        draft = directory / ".node.toml.new"
        draft.write_text(text, "utf-8")
        loaded = config.load(draft)
        identity.create(loaded.state_dir)
        Store.open(loaded.state_dir).close()
        os.replace(draft, path)  # last, so that a half-made directory can be made again
    except OSError as error:
        raise LocalFault(
            f"{directory} cannot be set up ({error.strerror}): look at the disk and its permissions"
        ) from None
    return path


def _misfits(authority: Sequence[Path], keys: Mapping[str, bytes], threshold: int) -> list[str]:
    problems = []
    if len(keys) < len(authority):
        problems.append("--authority: two of the key files have the same name; rename one")
    elif len(set(keys.values())) < len(keys):
        problems.append("--authority: two of the files hold the same key; name each key once")
    if len(keys) > MOST_KEYS:
        problems.append(f"--authority: at most {MOST_KEYS} keys")
    if any(not name.isprintable() or len(name) > LONGEST_NAME for name in keys):
        problems.append(
            f"--authority: the name of a key file is longer than {LONGEST_NAME} characters or holds one that "
            "cannot be printed; rename it"
        )
    if not 1 <= threshold <= len(keys):
        problems.append(
            f"--authority-threshold: write a number from 1 to {len(keys)}, the number of --authority files"
        )
    return problems


def _public_key(file: Path) -> bytes:
    try:
        pem = file.read_bytes()
    except OSError:
        raise LocalFault(
            f"--authority: the key file {file} cannot be read; name a file that is there"
        ) from None
    try:
        return verify_key(pem).to_pem()
    except LocalFault as fault:
        raise LocalFault(f"--authority {file}: {fault}") from None
