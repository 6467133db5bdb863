"""The help of every command in Dutch; the English one is the command's own docstring."""

from collections.abc import Mapping

EXAMPLES: Mapping[str, str] = {
    "nl": """
Voorbeelden:

    samentel-node init knooppunt --authority cbs.pub.pem --authority rapporteur.pub.pem

    samentel-node --config knooppunt/node.toml enrol uitnodiging.json

    samentel-node --config knooppunt/node.toml check --programme aanleiding.toml.dsse.json --period 2025

    samentel-node --config knooppunt/node.toml approve aanleiding.toml.dsse.json --by "A. Jansen, FG"

    samentel-node --config knooppunt/node.toml run
""",
    # Not "Examples:": the parser of docstrings takes that for a section of its own, and leaves it out.
    "en": """
For example:

    samentel-node init premises --authority cbs.pub.pem --authority rapporteur.pub.pem

    samentel-node --config premises/node.toml enrol invitation.json

    samentel-node --config premises/node.toml check --programme aanleiding.toml.dsse.json --period 2025

    samentel-node --config premises/node.toml approve aanleiding.toml.dsse.json --by "A. Jansen, DPO"

    samentel-node --config premises/node.toml run
""",
}

DUTCH: Mapping[str, str] = {
    "init": """Maak een map voor dit knooppunt: node.toml, een voorbeeld-mapping, sleutels, leeg grootboek.

    Args:
        directory: de map die gemaakt wordt.
        authority: publieke sleutels van de programma-autoriteit (bestanden), langs een eigen weg verkregen.
        authority_threshold: hoeveel van hen moeten tekenen; standaard allemaal.
    """,
    "enrol": """Sluit dit knooppunt aan met een uitnodiging. Mag herhaald worden.

    Args:
        invitation: het bestand met de uitnodiging; hoeft bij herhalen niet meer.
        wait_minutes: hoe lang op de bevestiging wordt gewacht.
    """,
    "check": """Lees de export en toon wat ervan wordt begrepen. Toont exacte cijfers, alleen op dit scherm.

    Args:
        programme: een ondertekend programma (bestand, of begin van de digest) om de mapping tegen te houden.
        period: toon ook de exacte tabellen van deze periode, zoals 2025 of 2025Q3.
        values: toon ook de woorden zonder code zelf.
    """,
    "approve": """Toon een programma in gewone woorden en keur het goed namens de instelling.

    Args:
        programme: het ondertekende programma: een bestand, of het begin van de digest.
        by: wie goedkeurt; standaard de naam van de gebruiker.
        until: tot en met welke dag, zoals 2026-12-31; standaard een jaar.
        rho_cap: het meeste dat dit programma per verslagjaar mag kosten; standaard alle pogingen.
        individual: ga ermee akkoord dat de coördinator de tabellen van deze instelling apart ziet.
        small_level: stem in met publicatie van een niveau dat weinig instellingen kunnen vullen, zoals
            facility:COSM; voor elk een keer.
        yes: vraag niets.
    """,
    "withdraw": """Trek de goedkeuring van een programma in. Wat al is uitgegeven, blijft uitgegeven.

    Args:
        programme: het programma: een bestand, of het begin van de digest.
        by: wie intrekt; standaard de naam van de gebruiker.
    """,
    "run": """Draai het knooppunt, tot SIGTERM of Ctrl-C. Logregels (JSON) gaan naar stderr.""",
    "status": """Toon wat het knooppunt doet.

    Args:
        json: als JSON.
    """,
    "complaint": """Schrijf wat bewijst dat de coördinator onze tellingen aannam en buiten een som liet.

    Args:
        round: de ronde, of het begin van de id, zoals `status` die toont.
        out: het bestand, voor de programma-autoriteit.
    """,
    "receipt": """Schrijf wat wij van een ronde bewaren: wie een publicatie controleert, vindt er ons mee in.

    Args:
        round: de ronde, of het begin van de id, zoals `status` die toont.
        out: het bestand, voor wie een publicatie controleert.
    """,
    "show": """Toon het grootboek: wat is beloofd, geweigerd, uitgegeven en gepubliceerd.

    Args:
        json: als JSON, een regel per post.
    """,
    "verify": """Controleer de keten van het grootboek; noemt elke regel die veranderd is.""",
    "pause": """Doe nergens meer aan mee, ook na een herstart.

    Args:
        reason: waarom, voor het eigen overzicht.
    """,
    "resume": """Doe weer mee.

    Args:
        yes: vraag niets.
    """,
    "doctor": """Zoek uit wat er mis is: configuratie, grootboek, certificaat, verbinding.""",
}
