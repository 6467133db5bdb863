"""The words of the reading guide, in Dutch and English; ``samentel.figures.guide`` fills them in.

Plain language: somebody who reads a newspaper can follow it.
"""

from collections.abc import Mapping

from samentel.documents.codelists import Text

TITLE = Text(nl="# Leeswijzer: {title}, {period}", en="# Reading guide: {title}, {period}")
INTRODUCTION = Text(
    nl="Dit hoort bij uitgave `{release}`, gepubliceerd op {day}. De cijfers komen van {counted} van de "
    "{invited} gevraagde instellingen. Zij telden zelf. Geen gegeven over een persoon heeft een instelling "
    "verlaten. Vragen: {contact}. Licentie: {licence}. De volgende uitgave is gepland vóór {next}.",
    en="This belongs to release `{release}`, published on {day}. The figures come from {counted} of the "
    "{invited} institutions that were asked. They counted by themselves. No record of a person has left an "
    "institution. Questions: {contact}. Licence: {licence}. The next release is planned before {next}.",
)
CORRECTS = Text(
    nl="**Dit is een correctie** van `{release}`, uit dezelfde sommen: {reason}",
    en="**This is a correction** of `{release}`, from the same sums: {reason}",
)
SUPERSEDES = Text(
    nl="Deze uitgave komt in de plaats van `{release}`.",
    en="This release takes the place of `{release}`.",
)
ERRATUM = Text(nl="- `{release}`, gemeld op {day}: {text}", en="- `{release}`, reported on {day}: {text}")

HEADINGS: Mapping[str, Text] = {
    "errata": Text(nl="## Wat er in eerdere uitgaven fout was", en="## What was wrong in earlier releases"),
    "counted": Text(nl="## Wat er is geteld, en door wie", en="## What was counted, and by whom"),
    "reading": Text(nl="## Zo leest u een cijfer", en="## How to read a figure"),
    "persons": Text(
        nl="## Het zijn registraties, geen personen", en="## These are registrations, not persons"
    ),
    "contacts": Text(
        nl="## Contacten zijn geen personen, en tellen apart",
        en="## Contacts are not persons, and count apart",
    ),
    "quarters": Text(nl="## Kwartalen naast het jaar", en="## Quarters beside the year"),
    "changes": Text(nl="## Is er iets veranderd?", en="## Has anything changed?"),
    "outside": Text(nl="## Wat hier niet in staat, en waarom", en="## What is not in here, and why"),
    "tables": Text(nl="## Hoe precies elke tabel is", en="## How exact each table is"),
    "privacy": Text(nl="## Wat dit kost aan privacy", en="## What this costs in privacy"),
    "files": Text(nl="## De bestanden", en="## The files"),
    "checking": Text(nl="## Zelf nagaan of het klopt", en="## Check it yourself"),
    "citing": Text(nl="## Zo verwijst u hiernaar", en="## How to cite this"),
}

POPULATION = Text(
    nl="**{title}.** {definition} {registered} {most}",
    en="**{title}.** {definition} {registered} {most}",
)
ONCE = Text(
    nl="Eén persoon of contact telt hoogstens één keer in een tabel.",
    en="One person or contact counts at most once in a table.",
)
OFTEN = Text(
    nl="Eén persoon of contact telt hoogstens {rows} keer in een tabel.",
    en="One person or contact counts at most {rows} times in a table.",
)
READING = Text(
    nl="Bij elk aantal is met opzet een klein toevallig getal opgeteld of ervan afgetrokken. Daardoor "
    "blijft onzeker of één bepaald mens erin zit, voor wie de cijfers ook bekijkt. Hoe onzeker, staat onder "
    "'Wat dit kost aan privacy'. Hoe groot dat toeval is, staat erbij als `sd`.\n\n"
    "Een voorbeeld. In de tabel '{title}' is de sd {sd}. Staat er {example}, dan lag het getelde aantal met "
    "95 % zekerheid tussen {lower} en {upper}. Noem dus altijd beide grenzen, of zeg 'ongeveer'. Van elke "
    "twintig intervallen ligt er gemiddeld één mis. Wilt u dat ze allemaal tegelijk kloppen, gebruik dan "
    "`joint_lower` en `joint_upper`.\n\n"
    "- `estimate` is de zuivere schatting: goed om mee te rekenen, en soms negatief. Een negatief cijfer "
    "betekent: er waren er weinig of geen.\n"
    "- `shown` is een tekst om te lezen: een heel getal, nooit negatief. **Tel `shown` nooit op.** Het is "
    "niet om mee te rekenen: de som wijkt af door afronding.\n"
    "- `grade` is een oordeel in één letter. {grades}\n"
    "- `above_zero` zegt of het cijfer erop wijst dat er minstens één was. Was er geen, dan staat er in "
    "hoogstens 5 % van de gevallen toch `yes`.",
    en="To every count a small random number was added or taken off, on purpose. So it stays uncertain "
    "whether one particular person is in it, whoever looks at the figures. How uncertain, stands under "
    "'What this costs in privacy'. How large that chance part is, stands beside it as `sd`.\n\n"
    "An example. In the table '{title}' the sd is {sd}. Where it says {example}, the number that was "
    "counted lay between {lower} and {upper}, with 95 % confidence. So always give both ends, or say "
    "'about'. Of twenty intervals one misses, on average. If you want all of them to hold at once, use "
    "`joint_lower` and `joint_upper`.\n\n"
    "- `estimate` is the unbiased estimate: good for calculation, and sometimes negative. A negative figure "
    "means: there were few or none.\n"
    "- `shown` is a text for reading: a whole number, never negative. **Never add up `shown`.** It is not "
    "for calculation: its sum is off by rounding.\n"
    "- `grade` is a judgement in one letter. {grades}\n"
    "- `above_zero` says whether the figure points to at least one. If there was none, it still says `yes` "
    "in at most 5 % of cases.",
)
COVERAGE = Text(
    nl="De marges gaan alleen over dat toeval. Zij zeggen niets over wat instellingen niet opschreven, en "
    "niets over instellingen die niet meededen{missing}. Dat is vaak de grotere fout.",
    en="The margins are about that chance part only. They say nothing of what institutions did not write "
    "down, and nothing of institutions that did not take part{missing}. That is often the larger error.",
)
NOT_IN_SUM = Text(nl=" (in de som ontbreken: {names})", en=" (the sum is without: {names})")
CONTACTS = Text(
    nl="Een contact is een gesprek, chat of telefoontje van iemand die onbekend bleef. Wie tien keer belt, "
    "is tien contacten. Tel contacten daarom nooit bij personen op. Ook de bescherming geldt hier per "
    "contact, niet per persoon.",
    en="A contact is a talk, chat or call with somebody who stayed unknown. Somebody who calls ten times is "
    "ten contacts. So never add contacts to persons. The protection, too, is per contact here, not per "
    "person.",
)
QUARTERS = Text(
    nl="Kwartaalcijfers en jaarcijfers zijn apart gemeten, met eigen toeval, bij de instellingen die toen "
    "meededen. Vier kwartalen zijn samen dus niet precies het jaar. Tel ze niet op om het jaar te maken, en "
    "trek ze er niet van af: gebruik voor een jaar het jaarcijfer. Binnen een jaar telt iemand per "
    "instelling in één kwartaal.",
    en="Figures by quarter and by year were measured apart, each with its own chance part, at the "
    "institutions that took part then. So four quarters together are not exactly the year. Do not add them "
    "up to make the year, and do not subtract them: for a year use the year's figure. Within a year "
    "somebody counts in one quarter at each institution.",
)
CHANGES = Text(
    nl="Een verschil met een ander jaar bestaat voor een deel uit toeval. In de tabel hieronder staat vanaf "
    "welk verschil een verandering meer is dan toeval (2,77 keer de sd). Kleinere verschillen zijn geen "
    "nieuws. Let ook op wie meedeed: een instelling erbij is ook een verandering.",
    en="A difference with another year is partly chance. The table below says from which difference on a "
    "change is more than chance (2.77 times the sd). Smaller differences are no news. Look also at who took "
    "part: one more institution is a change too.",
)
TRENDS = Text(
    nl="`trends.csv` geeft bij elk verschil zijn eigen marge.",
    en="`trends.csv` gives its own margin for each difference.",
)
OUTSIDE = (
    Text(
        nl="**Koppelen aan politie of andere registers kan niet.** Daarvoor zouden namen of nummers de "
        "instelling moeten verlaten. Dat is precies wat hier niet gebeurt.",
        en="**Linkage to police or other registers is not possible.** For that, names or numbers would have "
        "to leave the institution. That is precisely what does not happen here.",
    ),
    Text(
        nl="**Een schatting van alle slachtoffers, ook de onbekende, staat hier niet in.** Zo'n schatting "
        "(multiple systems estimation) vergelijkt welke personen op twee lijsten tegelijk staan. Daarvoor "
        "zijn namen nodig, en die overlap is zo klein dat het toeval haar zou verbergen.",
        en="**An estimate of all victims, the unknown ones too, is not in here.** Such an estimate "
        "(multiple systems estimation) compares which persons are on two lists at once. That needs names, "
        "and the overlap is so small that the chance part would hide it.",
    ),
    Text(
        nl="**Of slachtoffers ook dader of verdachte waren, staat hier niet in.** Instellingen leggen dat "
        "niet vast, en het zou koppeling met justitie vragen.",
        en="**Whether victims were also offenders or suspects is not in here.** Institutions do not record "
        "it, and it would take linkage to the justice system.",
    ),
    Text(
        nl="**Wie nergens hulp zocht of kreeg, staat hier niet in.**",
        en="**Whoever sought or got no help anywhere is not in here.**",
    ),
)
REPEATED = Text(
    nl="**'Eerder hulp' is niet de 45 % van de politie.** Dat percentage gaat over slachtoffers die binnen "
    "vijf jaar opnieuw slachtoffer werden van welk misdrijf ook, volgens politiegegevens die bij het CBS "
    "zijn gekoppeld. Hier staat alleen of de instelling weet dat iemand eerder hulp kreeg na mensenhandel. "
    "Dat is iets anders, en lager.",
    en="**'Earlier help' is not the 45 % of the police.** That percentage is about victims who within five "
    "years were victims again of any crime, by police records linked at Statistics Netherlands. Here it "
    "says only whether the institution knows that somebody had help after trafficking before. That is "
    "something else, and lower.",
)
TABLE_HEADING = Text(
    nl="| tabel | waarover | cijfers | sd | marge (95 %) | kleinste verandering | oordeel | opmerking |",
    en="| table | about | figures | sd | margin (95 %) | smallest change | grade | remark |",
)
GRADE_NOTE = Text(
    nl="Het oordeel is dat van een gemiddelde cel, volgens eerder gepubliceerde aantallen; een streepje: "
    "die zijn er niet.",
    en="The grade is that of a mean cell, by numbers that were published before; a dash: there are none.",
)
REMARKS: Mapping[str, Text] = {
    "withheld": Text(nl="verschijnt als som van drie jaar", en="appears as the sum of three years"),
    "pooled": Text(nl="som van {periods}", en="sum of {periods}"),
    "imprecise": Text(nl="alleen grote cellen zijn bruikbaar", en="only large cells are of use"),
    "missed": Text(nl="minder precies dan beoogd (sd {target})", en="less exact than aimed at (sd {target})"),
}
CHECK = Text(
    nl="Tabellen over dezelfde mensen zijn met elkaar vergeleken. {found}",
    en="Tables about the same people were compared with each other. {found}",
)
CHECKS_FINE = Text(nl="Zij verschillen niet meer dan door toeval.", en="They differ by no more than chance.")
CHECKS_ODD = Text(
    nl="Meer dan toeval verschilt: {names}. Wees daar voorzichtig mee.",
    en="More than chance differs: {names}. Be careful with that.",
)
PRIVACY = Text(
    nl="**Wat beschermd is.** {unit}\n\n"
    "Deze uitgave kost hoogstens rho = {rho}. Dat betekent: wie uit de cijfers raadt of iemand erin zit, en "
    "in 5 % van de gevallen ten onrechte ja zegt, zegt in hoogstens {power} % terecht ja, wat hij verder "
    "ook weet. Alle uitgaven over {year} samen kosten rho = {year_rho}; zonder eigen besluit laat een "
    "instelling niet meer dan {cap} toe. Rho telt op over jaren, en sneller over instellingen:",
    en="**What is protected.** {unit}\n\n"
    "This release costs at most rho = {rho}. That means: whoever guesses from the figures whether somebody "
    "is in them, and wrongly says yes in 5 % of cases, rightly says yes in at most {power} %, whatever else "
    "he knows. All releases about {year} together cost rho = {year_rho}; without a decision of its own an "
    "institution allows no more than {cap}. Rho adds up over years, and faster over institutions:",
)
LOSS_HEADING = Text(
    nl="| bij instellingen | in 1 jaar | in 3 jaar | in 5 jaar |",
    en="| at institutions | in 1 year | in 3 years | in 5 years |",
)
FILES: Mapping[str, Text] = {
    "tables.csv": Text(nl="alle cijfers, een rij per cijfer", en="all figures, one row each"),
    "tables.parquet": Text(nl="hetzelfde, voor programma's", en="the same, for programs"),
    "measured.csv": Text(
        nl="de landelijke sommen zoals gemeten, met hun ruis; hieruit volgt al het andere",
        en="the national sums as measured, with their noise; all else follows from them",
    ),
    "indicators.csv": Text(
        nl="de hoofdcijfers, zoals het deel zonder aanleiding, met de verandering",
        en="the headline figures, such as the share without a reason, with the change",
    ),
    "eu.csv": Text(
        nl="de tabel voor de EU (richtlijn 2011/36/EU, artikel 19 bis, lid 2, onder a)",
        en="the table for the EU (Directive 2011/36/EU, article 19a(2)(a))",
    ),
    "trends.csv": Text(
        nl="de jaren naast elkaar",
        en="the years side by side",
    ),
    "exact.csv": Text(
        nl="cijfers zonder ruis: wie meedeed, en wat elders gepubliceerd is",
        en="figures without noise: who took part, and what was published elsewhere",
    ),
    "programme.dsse.json": Text(
        nl="het programma zoals het getekend is: wat er geteld wordt",
        en="the programme as signed: what is counted",
    ),
    "public.dsse.json": Text(
        nl="de openbare cijfers zoals ze getekend zijn; hieruit volgen die in `exact.csv`",
        en="the public figures as signed; those in `exact.csv` follow from them",
    ),
    "transcript.json": Text(
        nl="wat in de ronde getekend is, zodat een instelling ziet dat zij is meegeteld",
        en="what was signed in the round, so that an institution sees that it was counted",
    ),
    "manifest.json": Text(
        nl="alles over deze uitgave, voor programma's; `manifest.schema.json` beschrijft het",
        en="all about this release, for programs; `manifest.schema.json` describes it",
    ),
    "manifest.dsse.json": Text(nl="hetzelfde, met handtekeningen", en="the same, with signatures"),
    "dp-registry.yaml": Text(
        nl="de beschrijving voor het openbare register van zulke publicaties",
        en="the description for the public registry of such releases",
    ),
}
CHECKING = Text(
    nl="`samentel verify MAP --coordinator SLEUTEL` gaat na dat geen byte veranderd is, wie getekend heeft, "
    "en maakt elk cijfer opnieuw uit `measured.csv` en het programma. {revisions}",
    en="`samentel verify DIR --coordinator KEY` checks that no byte has changed and who has signed, and "
    "makes every figure again from `measured.csv` and the programme. {revisions}",
)
CITING = Text(
    nl="> {title}, {period}. Uitgave {release}, {day}. Programma {programme}, versie {version}, {digest}. "
    "{licence}.",
    en="> {title}, {period}. Release {release}, {day}. Programme {programme}, version {version}, {digest}. "
    "{licence}.",
)
