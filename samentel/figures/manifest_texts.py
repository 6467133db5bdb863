"""The sentences of a manifest, in Dutch and English. Figures and names are filled in elsewhere."""

from collections.abc import Mapping

from samentel.documents.codelists import Text
from samentel.documents.programme import Mode

UNIT = Text(
    nl="Alle gegevens van één persoon bij één instelling waaruit de regels van dit verslagjaar volgen.",
    en="All records of one person at one institution from which this reporting year's rows are derived.",
)
UNIT_CONTACT = Text(
    nl="Eén contact: van een contact zonder naam weet niemand van wie het is. Wie tien keer belt, is tien "
    "keer één contact en wordt per contact beschermd.",
    en="One contact: nobody knows whose a contact without a name is. Somebody who calls ten times is ten "
    "contacts, and is protected contact by contact.",
)
ADJACENCY = (
    "Two data sets of one institution are adjacent if they differ in all rows of one person that this "
    "population counts in the reporting year: at most k = {rows} rows added to or removed from each table. "
    "Any such change moves the vector of one table by at most {rows} in L2."
)
ADJACENCY_CONTACT = (
    "Two data sets of one institution are adjacent if one has one contact more: one row added to each "
    "table, which moves its vector by at most 1 in L2."
)
ALL_REGISTER = Text(
    nl="Elke instelling telt de regels die zij zelf heeft.",
    en="Each institution counts the rows that it has itself.",
)
SOME_REGISTER = Text(
    nl="Alleen deze soorten instellingen registreren dit: {kinds}. Andere tellen hier niet mee.",
    en="Only these types of institution register this: {kinds}. Others count none.",
)
CHANNELS = Text(
    nl="Elke soort instelling registreert alleen wat langs haar eigen weg kwam, zodat niets dubbel telt. "
    "{kinds}. Andere tellen hier niet mee.",
    en="Each type of institution registers only what came its own way, so that nothing counts twice. "
    "{kinds}. Others count none.",
)
WAYS: Mapping[str, Text] = {  # of the channels that a record of an institution can have
    "DIRECT": Text(nl="Rechtstreeks", en="Directly"),
    "MEDIATED": Text(nl="Door bemiddeling", en="By mediation"),
}
REASON = Text(
    nl="De aanleiding ({titles}) is één code, die de instelling zelf kiest naar wat zij weet; niemand "
    "anders stelt haar vast. De codes staan in code_lists. {definitions}",
    en="The reason ({titles}) is one code, which the institution itself chooses by what it knows; nobody "
    "else decides on it. The codes are in code_lists. {definitions}",
)
SAME_PERSON = Text(
    nl="Wie in hetzelfde jaar bij twee instellingen hulp kreeg, telt tweemaal: niemand kan personen van "
    "twee instellingen naast elkaar leggen.",
    en="A person helped at two institutions in one year counts twice: nobody can lay persons of two "
    "institutions side by side.",
)
MISSING = Text(
    nl="Elke vraag heeft een code voor onbekend. Een leeg of onleesbaar veld telt daar. Is de aanleiding "
    "niet vastgelegd of niet gevraagd, dan telt dat als een eigen code; er wordt niets bijgeschat.",
    en="Every question has a code for unknown. An empty or unreadable field counts there. A reason that was "
    "not recorded or not asked counts under a code of its own; nothing is imputed.",
)
INTERVAL = Text(
    nl="De intervallen dekken alleen de privacyruis: niet wat instellingen niet vastleggen, en niet de "
    "instellingen die niet meededen.",
    en="Intervals cover privacy noise only: not what institutions leave unrecorded, and not the "
    "institutions that did not take part.",
)
READING = Text(
    nl="Reken met 'estimate' (zuiver, kan negatief zijn); 'share' is het deel van het totaal waarover de "
    "tabel gaat. De kolommen 'shown' zijn teksten om te lezen: afgerond, nooit negatief, niet op te tellen. "
    "Tabellen over dezelfde personen zijn op elkaar afgestemd: randtotalen en samengenomen codes die zij "
    "gemeen hebben, zijn in 'estimate' gelijk, en cijfers van een vervolgvraag, zoals de grond van een "
    "weigering, zijn samen het aantal voor wie de vraag geldt, waar een tabel dat aantal geeft. Wie bij "
    "twee instellingen hulp kreeg, telt tweemaal.",
    en="Calculate with 'estimate' (unbiased, may be negative); 'share' is the part of the total that the "
    "table is about. The 'shown' columns are texts for reading: rounded, never negative, not to be added "
    "up. Tables about the same persons are fitted together: margins and roll-ups that they have in common "
    "are equal in 'estimate', and figures of a follow-up question, such as the ground of a refusal, add up "
    "to the number to whom the question applies, where a table gives that number. A person helped at two "
    "institutions counts twice.",
)
THREE_YEARS = Text(
    nl="Deze aantallen zijn te klein voor één jaar. De tabel verschijnt als som van drie jaar, zodra die "
    "jaren er zijn.",
    en="These counts are too small for one year. The table is published as the sum of three years once "
    "three years are there.",
)
MECHANISM: Mapping[Mode, Text] = {
    Mode.INDIVIDUAL: Text(
        nl="Elke instelling telt zelf en telt er in elke cel een trekking uit de discrete normale verdeling "
        "bij op (OpenDP).",
        en="Each institution counts by itself and adds a draw from the discrete Gaussian to every cell "
        "(OpenDP).",
    ),
    Mode.SECURE_SUM: Text(
        nl="Elke instelling telt zelf en telt er in elke cel een deel van de ruis bij op: een trekking uit "
        "de discrete normale verdeling (OpenDP). De getallen vertrokken onder maskers die alleen in de "
        "landelijke som wegvallen; getallen van één instelling heeft niemand anders gezien.",
        en="Each institution counts by itself and adds a part of the noise to every cell: a draw from the "
        "discrete Gaussian (OpenDP). The numbers left under masks that cancel in the national sum only; "
        "nobody else has seen the numbers of one institution.",
    ),
}
UNPROTECTED: Mapping[Mode, Text] = {
    Mode.INDIVIDUAL: Text(
        nl="Welke instellingen meededen, wanneer, en de indeling van de tabellen.",
        en="Which institutions took part, when, and the layout of the tables.",
    ),
    Mode.SECURE_SUM: Text(
        nl="Welke instellingen meededen, wanneer, en de indeling van de tabellen. Ook het totaal van een "
        "instelling die als een van de weinige een cel kan vullen, met de ruis van de landelijke som.",
        en="Which institutions took part, when, and the layout of the tables. Also the total of an "
        "institution that is one of few that can fill a cell, with the noise of the national sum.",
    ),
}
MORE_COLLUDERS = Text(
    nl="Is het aantal instellingen dat met de coördinator samenspant niet groter dan {c}, dan is het "
    "verlies ten hoogste rho {central}; bij {most} is dat rho {more}; vanaf {beyond} houdt elke andere "
    "instelling alleen haar eigen deel van de ruis over: rho {local}.",
    en="While the number of institutions that work together with the coordinator is no larger than {c}, the "
    "loss is at most rho {central}; with {most} it is rho {more}; from {beyond} on each other institution "
    "is left with its own part of the noise: rho {local}.",
)
NO_MORE_COLLUDERS = Text(
    nl="Is het aantal instellingen dat met de coördinator samenspant niet groter dan {c}, dan is het "
    "verlies ten hoogste rho {central}; vanaf {beyond} houdt elke andere instelling alleen haar eigen deel "
    "van de ruis over: rho {local}.",
    en="While the number of institutions that work together with the coordinator is no larger than {c}, the "
    "loss is at most rho {central}; from {beyond} on each other institution is left with its own part of "
    "the noise: rho {local}.",
)
COMPOSITION = Text(
    nl="Verliezen (rho) tellen op: over tabellen, over uitgaven van hetzelfde verslagjaar en over jaren. "
    "Van de instroom per kwartaal telt alleen het duurste kwartaal, want een persoon staat in één kwartaal. "
    "Wie bij h instellingen was, verliest hoogstens rho maal h in het kwadraat. Rondes zonder uitgave staan "
    "hier niet bij: wat een instelling in alles heeft uitgegeven, staat in haar eigen grootboek.",
    en="Losses (rho) add up: over tables, over releases about one reporting year, and over years. Of inflow "
    "by quarter only the dearest quarter counts, since a person is in one quarter. A person at h "
    "institutions loses at most rho times h squared. Rounds without a release are not in this: all that an "
    "institution has spent stands in its own ledger.",
)
TRUST: Mapping[Mode, Text] = {
    Mode.INDIVIDUAL: Text(
        nl="De coördinator ziet van elke instelling alleen tabellen die al de volle ruis bevatten. Hij "
        "wordt voor de privacy niet vertrouwd, wel voor het optellen. Van elke instelling wordt vertrouwd "
        "dat zij haar eigen gegevens bewaakt en juist telt.",
        en="The coordinator sees tables of each institution only with the full noise in them. He is not "
        "trusted for privacy, but is for adding up. Each institution is trusted to keep its own records and "
        "to count them rightly.",
    ),
    Mode.SECURE_SUM: Text(
        nl="De coördinator wordt voor de privacy niet vertrouwd: hij mag liegen, herhalen en samenspannen "
        "met instellingen, hoogstens c = {c}. Tijdens de ronde vallen instellingen uit, hoogstens D = {d}. "
        "Een geheim van één instelling is alleen terug te vinden met hulp van t = {t} van de instellingen. "
        "Van de programma-autoriteit wordt vertrouwd dat elke naam op de lijst een echte instelling is. Van "
        "elke instelling wordt vertrouwd dat zij haar eigen gegevens bewaakt; een instelling die liegt, kan "
        "de som bederven, maar niemands privacy verlagen zolang het er niet meer dan c zijn.",
        en="The coordinator is not trusted for privacy: he may lie, repeat, and collude with institutions, "
        "at most c = {c}. Institutions fall out during the round, at most D = {d}. A secret of one "
        "institution can be recovered only with the help of t = {t} of the institutions. The programme "
        "authority is trusted that every name on the roster is a real institution. Each institution is "
        "trusted to keep its own records; one that lies can spoil the sum, but nobody's privacy while there "
        "are no more than c.",
    ),
}
THRESHOLDS = Text(
    nl="Geen. Er is niets weggelaten, samengenomen of afgerond vanwege wat er geteld is. Een tabel die pas "
    "als som van drie jaar verschijnt, doet dat volgens het programma, dat vooraf vaststond.",
    en="None. Nothing was left out, merged or rounded because of what was counted. A table that appears "
    "only as the sum of three years does so by the programme, which was fixed beforehand.",
)
POST_PROCESSING = (
    Text(
        nl="Kleinste kwadraten over de tabellen van dezelfde populatie: 'estimate', zuiver, en 'sd'.",
        en="Least squares over the tables of one population: 'estimate', unbiased, and 'sd'.",
    ),
    Text(
        nl="Verschillen, sommen en sommen van jaren: lineair in de schattingen, met hun covarianties. "
        "Aandelen: een schatting gedeeld door een andere, met de deltamethode.",
        en="Differences, sums and sums of years: linear in the estimates, with their covariances. Shares: "
        "one estimate over another, by the delta method.",
    ),
    Text(
        nl="De kolommen 'shown': nooit negatief, afgerond op hele getallen, zodat de som van het totaal kan "
        "afwijken; alleen om te lezen.",
        en="The 'shown' columns: never negative, rounded to whole numbers, so that their sum may differ "
        "from the total; for reading only.",
    ),
)
ARITHMETIC = Text(
    nl="Getallen zijn geheel tot en met de landelijke som; de ruis is een geheel getal uit een discrete "
    "verdeling, zonder drijvende komma. Rho is een exacte breuk van de schaal die werkelijk gebruikt is. "
    "Schattingen zijn in drijvende komma gerekend, na de ruis, en op zes decimalen afgerond.",
    en="Numbers are whole up to and including the national sum; the noise is a whole number from a discrete "
    "distribution, without floating point. Rho is an exact fraction of the scale that was really used. "
    "Estimates are worked out in floating point, after the noise, and rounded to six decimals.",
)
TIMING = Text(
    nl="Wat een instelling verstuurt, vertrekt op vaste tijden van {tick} s en is even lang bij nul regels "
    "als bij duizend. Of zij meedoet, hangt niet van haar regels af.",
    en="What an institution sends leaves at fixed times, every {tick} s, and is as long with no rows as "
    "with a thousand. Whether it takes part does not depend on its rows.",
)
RANDOMNESS = Text(
    nl="De ruis is bij elke instelling getrokken door OpenDP, uit de willekeurgenerator van haar "
    "besturingssysteem. Er is geen zaad dat iemand bewaart, en niemand kent de ruis van een ander.",
    en="The noise was drawn at each institution by OpenDP from its operating system's random generator. "
    "There is no seed that anybody keeps, and nobody knows the noise of another.",
)
HAZARDS = (
    Text(
        nl="Een instelling kan verkeerd tellen, of liegen: de cijfers zijn zo goed als haar registratie.",
        en="An institution may count wrongly, or lie: the figures are as good as its registration.",
    ),
    Text(
        nl="Wie bij meer instellingen of in meer jaren voorkomt, heeft een groter verlies: zie de regel "
        "hierboven over optellen.",
        en="A person at more institutions or in more years has a larger loss: see the rule on adding up.",
    ),
    Text(
        nl="Coördinator en programma-autoriteit samen kunnen de privacy breken, met verzonnen instellingen.",
        en="Coordinator and programme authority together can break privacy, with made-up institutions.",
    ),
)
NO_JUSTIFICATION = Text(
    nl="Het programma geeft geen toelichting op rho. Wie het ondertekende, heeft het zo vastgesteld.",
    en="The programme does not explain its rho. Those who signed it have fixed it so.",
)
METHOD = Text(
    nl="Normale kwantiel rond de zuivere schatting. De variantie volgt uit de ruis alleen, exact, en is "
    "niet uit gegevens geschat. Een som van veel onafhankelijke discrete normale trekkingen is vrijwel "
    "normaal: de dekking van 95 % wijkt hoogstens 1,2 punt af, bij drie instellingen.",
    en="Normal quantile around the unbiased estimate. The variance follows from the noise alone, exactly, "
    "and is not estimated from data. A sum of many independent discrete Gaussian draws is normal nearly: "
    "the coverage of 95 % is off by at most 1.2 points, for three institutions.",
)
JOINT = Text(
    nl="Van honderd intervallen missen er gemiddeld vijf. 'joint_lower' en 'joint_upper' bevatten alle "
    "{cells} cijfers van tables.csv tegelijk, met 95 % zekerheid: schatting plus of min {z} sd.",
    en="Of a hundred intervals five miss on average. 'joint_lower' and 'joint_upper' hold all {cells} "
    "figures of tables.csv at once, with 95 % confidence: the estimate plus or minus {z} sd.",
)
GRADES = Text(
    nl="A: de sd is hoogstens 10 % van de schatting; B: 25 %; C: 50 %; D: meer, of de schatting is niet "
    "groter dan nul. Een cijfer met D zegt alleen dat het klein is.",
    en="A: the sd is at most 10 % of the estimate; B: 25 %; C: 50 %; D: more, or the estimate is not above "
    "zero. A figure of grade D says only that it is small.",
)
REBUILDING = Text(
    nl="measured.csv en programme.dsse.json zijn genoeg om elk cijfer opnieuw te maken: samentel verify "
    "doet dat en vergelijkt byte voor byte.",
    en="measured.csv and programme.dsse.json are enough to make every figure again: samentel verify does "
    "so, and compares byte by byte.",
)
REVISIONS = Text(
    nl="Een uitgave verandert nooit. Een fout wordt gemeld als erratum, of hersteld in een nieuwe uitgave "
    "uit dezelfde sommen, die zegt waarom en welke zij vervangt. De ruis wordt nooit opnieuw getrokken: "
    "twee trekkingen over dezelfde gegevens zouden samen meer prijsgeven.",
    en="A release never changes. A mistake is told in an erratum, or mended in a new release from the same "
    "sums, which says why and which one it replaces. Noise is never drawn again: two draws about the same "
    "records would together give more away.",
)
LIBRARIES: Mapping[str, Text] = {
    "samentel": Text(
        nl="telt, beschermt, telt op en schat; elke instelling draait dezelfde uitgave",
        en="counts, protects, adds up and estimates; each institution runs the same release",
    ),
    "opendp": Text(nl="trekt de ruis bij de instellingen", en="draws the noise at the institutions"),
    "cryptography": Text(nl="handtekeningen en maskers", en="signatures and masks"),
    "numpy": Text(nl="rekent na de ruis", en="calculates after the noise"),
    "scipy": Text(nl="maakt de kolommen 'shown'", en="makes the 'shown' columns"),
    "polars": Text(nl="schrijft tables.parquet", en="writes tables.parquet"),
}
