"""What verify and countersign say of a release, in both languages: a table of sentences."""

from desk.releases.case import Said

FOUND = Said("uitgave {release}: niets gevonden dat niet klopt", "release {release}: nothing wrong was found")
WRONG = Said("uitgave {release} klopt niet:", "release {release} does not hold:")
CHECKED = Said("nagegaan", "checked")
NOT_CHECKED = Said("niet nagegaan", "not checked")
SIGNED_BY = Said(
    "{path}: minstens {needed} van de {keys} sleutels van de programma-autoriteit hebben dit ondertekend",
    "{path}: at least {needed} of {keys} authority keys have signed it",
)
COUNTERSIGNED = Said(
    "{path}: onder het manifest staan nu {signatures} handtekeningen",
    "{path}: {signatures} signature(s) under the manifest now",
)
SEND = Said("stuur dit naar de coördinator: {file}", "send to the coordinator: {file}")

HELD = {
    "files": Said(
        "de handtekening van de coördinator onder het manifest, en grootte en SHA-256 van {files} bestanden, "
        "met de regels van {tables} tabellen",
        "the coordinator's signature under the manifest, and size and SHA-256 of {files} files, with the "
        "rows of {tables} tables",
    ),
    "countersigned": Said(
        "{number} medeondertekening(en) onder hetzelfde manifest: {names}",
        "{number} countersignature(s) under the same manifest: {names}",
    ),
    "authority": Said(
        "de handtekeningen van de programma-autoriteit onder {name}",
        "the programme authority's signatures under {name}",
    ),
    "roster": Said(
        "deelnemerslijst versie {version}, ondertekend door de programma-autoriteit, is die van de ronde",
        "roster version {version}, with the authority's signatures, is that of the round",
    ),
    "totals": Said(
        "de totalen van wie meedeed in {name}: die van het manifest, en de som van hun uitsplitsing",
        "the totals of who took part in {name}: those of the manifest, and the sum of their breakdown",
    ),
    "participation": Said(
        "wie meedeed, volgens {name}: opnieuw geteld met de deelnemerslijst",
        "who took part, by {name}: counted again on the roster",
    ),
    "public": Said(
        "de openbare cijfers in {name}: opnieuw gemaakt uit {document}, byte voor byte hetzelfde",
        "the public figures in {name}: made again from {document}, byte for byte the same",
    ),
    "from-sums": Said(
        "{names}: opnieuw gemaakt uit het programma en measured.csv, byte voor byte hetzelfde",
        "{names}: made again from the programme and measured.csv, byte for byte the same",
    ),
    "from-manifest": Said(
        "{names}: opnieuw gemaakt uit het manifest en het programma, byte voor byte hetzelfde",
        "{names}: made again from the manifest and the programme, byte for byte the same",
    ),
    "privacy": Said(
        "wat het manifest zegt over het programma en de privacy, opnieuw uitgerekend",
        "what the manifest says of the programme and of privacy, worked out again",
    ),
    "noise": Said(
        "de ruis in measured.csv is wat het programma vraagt, tot op het laatste cijfer",
        "the noise in measured.csv is what the programme asks for, to the last digit",
    ),
    "accuracy": Said(
        "wat het manifest zegt over de nauwkeurigheid van elke tabel, opnieuw uitgerekend",
        "what the manifest says of the accuracy of each table, worked out again",
    ),
    "sum": Said(
        "{name}: de handtekeningen van de coördinator onder voorstel en uitkomst van de som, voor deze ronde",
        "{name}: the coordinator's signatures under proposal and result of the sum, for this round",
    ),
    "round": Said(
        "{name}: de handtekening van de coördinator onder deze ronde",
        "{name}: the coordinator's signature under this round",
    ),
    "agreed": Said(
        "{name}: elk van de {number} instellingen in de som heeft ondertekend dat zij met precies deze groep "
        "instemt",
        "{name}: each of the {number} institutions in the sum has signed that it agrees to exactly this set",
    ),
    "named": Said(
        "{name}: noemt de {number} instellingen in de som",
        "{name}: names the {number} institutions in the sum",
    ),
    "counts": Said(
        "de tellingen die de coördinator van {node} aannam, zitten in deze som",
        "the counts that the coordinator took from {node} are in this sum",
    ),
}

LEFT = {
    "folders": Said(
        "{names}: een map hoort niet bij de uitgave; niemand staat in voor wat erin ligt",
        "{names}: a folder is no part of the release; nobody vouches for what lies in it",
    ),
    "countersignature": Said(
        "een medeondertekening op naam van {names}: geef die sleutel met --authority",
        "a countersignature in the name of {names}: give that key with --authority",
    ),
    "alone": Said(
        "medeondertekeningen (countersign): er zijn er geen; alleen de coördinator heeft deze uitgave "
        "ondertekend",
        "countersignatures: there are none; the coordinator alone has signed this release",
    ),
    "programme": Said(
        "alles wat uit het programma volgt: {name} is er niet",
        "everything that follows from the programme: there is no {name} here",
    ),
    "signers": Said(
        "wie {name} ondertekend heeft: geef de sleutels van de programma-autoriteit met --authority",
        "who signed {name}: give the authority's keys with --authority",
    ),
    "no-roster": Said(
        "of de genoemde instellingen op de deelnemerslijst van de ronde staan, en of zij ondertekend hebben: "
        "geef die lijst met --roster",
        "whether the institutions named are on the roster of the round, and signed: give it with --roster",
    ),
    "roster-signers": Said(
        "de deelnemerslijst: geef de sleutels van de programma-autoriteit met --authority",
        "the roster: give the authority's keys with --authority",
    ),
    "breakdown": Said(
        "{name}: de uitsplitsing van wie meedeed naar soort en provincie, en de woorden erbij: geef de "
        "deelnemerslijst met --roster",
        "{name}: who took part by kind and province, and the words with it: give the roster with --roster",
    ),
    "public": Said(
        "de openbare cijfers in {name}: {document} is er niet; vergelijk ze met wat de programma-autoriteit "
        "ondertekend heeft",
        "the public figures in {name}: there is no {document} here; compare them with what the authority "
        "signed",
    ),
    "figures": Said(
        "de cijfers: {name} is er niet, dus zijn ze niet opnieuw te maken",
        "the figures: there is no {name} here, so they cannot be made again",
    ),
    "parquet": Said(
        "tables.parquet: alleen de SHA-256; hoe het geschreven wordt, verschilt per bibliotheek",
        "tables.parquet: by its digest only; how it is written differs between libraries",
    ),
    "shown": Said(
        "de kolommen {columns} van {name}: die maken vraagt meer dan hier geïnstalleerd is; doe: pip install "
        "'samentel[aggregator]'",
        "the columns {columns} of {name}: making them takes more than is installed; run: pip install "
        "'samentel[aggregator]'",
    ),
    "year-loss": Said(
        "dat year_loss elke uitgave over dat jaar noemt: samentel releases laat zien welke er zijn",
        "that year_loss names every release about that year: samentel releases lists those there are",
    ),
    "earlier": Said(
        "de sommen van eerdere jaren (earlier years): vergelijk ze met hun eigen uitgave ({names})",
        "the sums of earlier years: compare them with their own releases ({names})",
    ),
    "word": Said(
        "wat alleen de coördinator weet, en ondertekend heeft: wie gevraagd en aanwezig was, wanneer dit is "
        "gepubliceerd, wat het vervangt en waarom, errata, herkomst (provenance)",
        "what the coordinator alone knows, and signed: who was invited and was present, when this was "
        "published, what it supersedes and why, errata, provenance",
    ),
    "transcript": Said(
        "van wie de tellingen in de som zitten: {name} is er niet",
        "whose counts are in the sum: there is no {name} here",
    ),
    "receipt-transcript": Said(
        "of de tellingen van het ontvangstbewijs (--receipt) in de som zitten: {name} is er niet",
        "whether the counts of the receipt (--receipt) are in the sum: there is no {name} here",
    ),
    "receipt": Said(
        "of de tellingen van één instelling in de som zitten: geef wat zij ervan heeft met --receipt",
        "whether one institution's counts are in the sum: give what it holds with --receipt",
    ),
    "residues": Said(
        "de som zelf (measured.csv) is het woord van de coördinator: de instellingen kregen alleen de "
        "SHA-256, ook over cellen die nooit gepubliceerd worden (never published)",
        "the total itself (measured.csv) is the coordinator's word: the institutions were told its digest "
        "only, and cells that are never published are in that",
    ),
    "individual": Said(
        "dat measured.csv de som is van wat de instellingen inleverden: dat heeft alleen de coördinator",
        "that measured.csv is the sum of what the institutions handed in: the coordinator alone has that",
    ),
    "statements": Said(
        "wat elke instelling ondertekend heeft: bij losse bijdragen wordt alleen de SHA-256 gepubliceerd",
        "what each institution signed: in individual mode only its digest is published",
    ),
}

NOT_SO = {
    "software": Said(
        "het is gemaakt met {made} en dit is {own}: ga cijfers en teksten daarmee na",
        "it was made with {made} and this is {own}: check its figures and texts with that",
    ),
    "countersignature": Said(
        "{name}: een medeondertekening op naam van {names} is niet van die sleutel; haal de uitgave opnieuw "
        "op",
        "{name}: a countersignature in the name of {names} is not that key's; fetch the release again",
    ),
    "twice": Said(
        "{name}: {number} handtekeningen op naam van {names}, en het hoort er één te zijn; haal de uitgave "
        "opnieuw op",
        "{name}: {number} signatures in the name of {names}, and there should be one; fetch the release "
        "again",
    ),
    "other-document": Said(
        "{name}: is niet het document dat het manifest noemt",
        "{name}: is not the one that the manifest names",
    ),
    "other-roster": Said(
        "{name}: is versie {version}, en niet de deelnemerslijst die het manifest noemt",
        "{name}: is version {version}, and not the roster that the manifest names",
    ),
    "enrolled": Said(
        "manifest.json: coverage.enrolled is niet wie er op de deelnemerslijst staat",
        "manifest.json: coverage.enrolled is not who is on the roster",
    ),
    "coverage": Said(
        "manifest.json: coverage: wie in de som zit, aanwezig en gevraagd was, past niet bij elkaar",
        "manifest.json: coverage: those in the sum, present and invited do not fit",
    ),
    "plan": Said("manifest.json: coverage: {problem}", "manifest.json: coverage: {problem}"),
    "follows": Said(
        "manifest.json: {part} volgt niet uit het programma en de sommen",
        "manifest.json: {part} is not what follows from the programme and the sums",
    ),
    "missing": Said("{name}: ontbreekt, en hoort er te zijn", "{name}: is missing, and there should be one"),
    "impossible": Said(
        "manifest.json: wat het zegt kan niet waar zijn: er valt niet mee te rekenen",
        "manifest.json: what it says cannot be so: nothing can be worked out with it",
    ),
    "line": Said(
        "{name}: regel {line} is niet wat volgt als het opnieuw gemaakt wordt",
        "{name}: line {line} is not what follows when it is made again",
    ),
    "total": Said(
        "{name}: het totaal {stage} is {value}, en volgens het manifest {number}",
        "{name}: the total {stage} is {value}, the manifest says {number}",
    ),
    "breakdown": Said(
        "{name}: het totaal {stage} is niet de som van de uitsplitsing",
        "{name}: the total {stage} is not the sum of its breakdown",
    ),
    "form": Said(
        "{name}: is niet geschreven zoals een uitgave het schrijft",
        "{name}: is not written as a release does",
    ),
    "roster-line": Said(
        "{name}: regel {line} volgt niet uit de deelnemerslijst en het manifest",
        "{name}: line {line} is not what follows from the roster and the manifest",
    ),
    "public-line": Said(
        "{name}: regel {line} volgt niet uit {document}",
        "{name}: line {line} is not what follows from {document}",
    ),
    "public-none": Said(
        "{name}: heeft openbare cijfers, en het manifest noemt geen document waar ze uit komen",
        "{name}: has public figures, and the manifest names no document that they come from",
    ),
    "noise": Said(
        "measured.csv: {names}: niet de ruis die het programma van {number} instellingen vraagt",
        "measured.csv: {names}: not the noise that the programme asks of {number} institutions",
    ),
    "transcript": Said(
        "{name}: ontbreekt; van een versleutelde som hoort het erbij",
        "{name}: is missing; a secure sum has one",
    ),
    "digest": Said(
        "{name}: is niet het bestand dat provenance in het manifest noemt",
        "{name}: is not the file that provenance in the manifest names",
    ),
}


def filled(sentence: Said, /, **facts: object) -> Said:
    """A sentence of the table with its facts filled in."""
    return Said(sentence.nl.format(**facts), sentence.en.format(**facts))
