"""The words of a report, in both languages. The figures come from ``desk/releases/report.py``."""

from collections.abc import Mapping

WORDS: Mapping[str, Mapping[str, str]] = {
    "nl": {
        "other": "This page in English",
        "skip": "Naar de cijfers",
        "published": "Gepubliceerd op {day} als uitgave {release}. Vragen: {contact}.",
        "short": "In het kort",
        "total": "{title}: naar schatting {shown}, tussen {lower} en {upper}.",
        "indicator": "{title}: {shown}, tussen {low} en {high}.",
        "change": "Sinds het jaar ervoor: {change}; dat is meer dan de ruis.",
        "no_change": "Sinds het jaar ervoor: {change}; dat kan ruis zijn.",
        "most": "{title}, het meest: {cells}.",
        "cell": "{name} {shown} (tussen {lower} en {upper})",
        "certainty": "Tussen deze grenzen ligt het ware aantal in ongeveer 95 van de 100 gevallen.",
        "covered": "Over wie dit gaat",
        "institutions": "instelling|instellingen",
        "summed": "De som van drie jaren, {years}: in één jaar zijn deze aantallen te onzeker om te lezen.",
        "coverage": "Gevraagd: {invited}. Aanwezig bij het begin: {present}. In de som: {in_sum}.",
        "absent": "Niet in de som: {names}.",
        "nobody_absent": "Geen instelling ontbreekt.",
        "registrations": "Dit zijn registraties bij instellingen: wie bij twee instellingen hulp kreeg, "
        "telt tweemaal. Wie nergens hulp kreeg, telt niet.",
        "made_up": "Oefening met verzonnen mensen. Alleen daarom staan de ware aantallen erbij, als "
        "streepje in de figuren en als kolom in de tabellen; van echte mensen kent niemand ze.",
        "chart": "{title}: schattingen als stippen, 95%-intervallen als lijnen",
        "chart_says": "De getallen staan in de tabel eronder.",
        "chart_truth": "Een staand streepje is het ware aantal van deze verzonnen mensen.",
        "in_figures": "Tabel met alle getallen",
        "scroll": "Tabel {title}, verschuifbaar",
        "scroll_chart": "Figuur {title}, verschuifbaar",
        "level": "Groep",
        "number": "Aantal",
        "interval": "95%-interval",
        "share": "Aandeel (95%-interval)",
        "truth": "Waar (verzonnen)",
        "range": "{lower} – {upper}",
        "faint": "onzeker",
        "zero": "niet van nul te onderscheiden",
        "grade": "Kwaliteit",
        "indicators": "Waar het om gaat",
        "indicator_column": "Waarvan",
        "changed": "Sinds het jaar ervoor",
        "reading_grades": "De letter zegt hoe groot de onzekerheid is naast het getal: A ten hoogste een "
        "tiende, B een kwart, C de helft, D meer. ‘Niet van nul te onderscheiden’ staat bij aantallen die "
        "ook nul kunnen zijn.",
        "exact": "Exacte cijfers",
        "exact_about": "Deze cijfers zijn niet uit registraties over personen geteld. Er zit geen ruis in.",
        "exact_column": "Cijfer",
        "year": "Jaar",
        "source": "Bron",
        "absent_tables": "Niet in deze uitgave",
        "absent_table": "Deze tabel staat niet in deze uitgave.",
        "reading": "Hoe te lezen",
        "reading_dots": "Een stip is een schatting, de lijn het interval waarin het ware aantal in 95 van "
        "de 100 gevallen ligt. Door de ruis kan een schatting onder nul liggen: die stip staat links van de "
        "nullijn. Lijnen beginnen bij nul of hoger. Aantallen om te lezen zijn afgerond en zo op elkaar "
        "afgestemd dat er geen onder nul ligt.",
        "reading_faint": "Een open, grijze stip en het woord ‘onzeker’ staan bij aantallen waarvan het "
        "interval breder is dan het aantal zelf: lees die niet los, maar samen met andere.",
        "reading_sums": "Tel afgeronde aantallen niet op; wie rekent, neemt de kolom ‘estimate’ uit het "
        "CSV-bestand. Aandelen zijn van het geschatte totaal van dezelfde groep mensen, en ontbreken waar "
        "dat te onzeker is.",
        "privacy": "Wat het kost aan privacy",
        "loss": "Verlies per persoon: rho {rho} ({measure}), dat is epsilon {epsilon} bij delta {delta}. Het "
        "programma staat hoogstens rho {most} toe.",
        "power": "Wie alles weet behalve of één persoon in de gegevens zit, en in {alarms} van de gevallen "
        "ten onrechte ja zegt, heeft bij iemand die er wel in zit in ten hoogste {power} van de gevallen "
        "gelijk.",
        "unit": "Beschermd is: {unit}",
        "unprotected": "Niet beschermd is: {unprotected}",
        "method": "Hoe het is gemeten",
        "method_tables": "Alle tabellen van een groep mensen tellen dezelfde regels en zijn samen geschat "
        "met gewogen kleinste kwadraten, zodat randtotalen en samengenomen codes die zij gemeen hebben "
        "overeenkomen. Cijfers van een vervolgvraag, zoals de grond van een weigering, zijn daar los van "
        "geschat.",
        "files": "De cijfers zelf",
        "file": "{name} ({size} kB)",
        "file_csv": "alle cijfers, een regel per getal",
        "file_indicators": "de kerncijfers, met het verschil met het jaar ervoor",
        "file_exact": "exacte cijfers: wie meedeed, plaatsen, eerdere publicaties",
        "file_eu": "de tabel die de Europese Unie vraagt",
        "file_trends": "de cijfers over de jaren",
        "file_measured": "de sommen zoals zij zijn gemeten",
        "file_programme": "het programma, ondertekend",
        "file_guide_nl": "leeswijzer",
        "file_guide_en": "leeswijzer, in het Engels",
        "file_schema": "hoe manifest.json is opgebouwd",
        "file_registry": "beschrijving voor het register van differentiële privacy",
        "file_public": "de exacte cijfers die niet uit de ronde komen, ondertekend",
        "file_transcript": "het verloop van de ronde",
        "file_parquet": "hetzelfde voor rekenprogramma’s",
        "file_json": "wat er is geteld, met welke codes, wie meedeed, wat het kostte",
        "file_signed": "hetzelfde, ondertekend door de coördinator",
        "check": "Deze bladzijde is gemaakt van die bestanden en is zelf niet ondertekend. De ondertekening "
        "van de bestanden controleert u met samentel verify.",
        "by": "Programma {programme}, versie {version}; {software}.",
    },
    "en": {
        "other": "Deze bladzijde in het Nederlands",
        "skip": "To the figures",
        "published": "Published on {day} as release {release}. Questions: {contact}.",
        "short": "In short",
        "total": "{title}: an estimated {shown}, between {lower} and {upper}.",
        "indicator": "{title}: {shown}, between {low} and {high}.",
        "change": "Since the year before: {change}; that is more than the noise.",
        "no_change": "Since the year before: {change}; that may be noise.",
        "most": "{title}, most often: {cells}.",
        "cell": "{name} {shown} (between {lower} and {upper})",
        "certainty": "The true number lies within these limits in about 95 of 100 cases.",
        "covered": "Whom this covers",
        "institutions": "institution|institutions",
        "summed": "The sum of three years, {years}: in one year these numbers are too uncertain to be read.",
        "coverage": "Asked: {invited}. Present at the start: {present}. In the sum: {in_sum}.",
        "absent": "Not in the sum: {names}.",
        "nobody_absent": "No institution is missing.",
        "registrations": "These are registrations at institutions: whoever was helped by two institutions "
        "counts twice. Whoever was helped nowhere does not count.",
        "made_up": "A rehearsal with made-up people. For that reason alone the true numbers are shown, as "
        "an upright line in the charts and a column in the tables; of real people nobody knows them.",
        "chart": "{title}: estimates as dots, 95% intervals as lines",
        "chart_says": "The numbers are in the table below.",
        "chart_truth": "An upright line is the true number of these made-up people.",
        "in_figures": "Table with all numbers",
        "scroll": "Table {title}, can be scrolled",
        "scroll_chart": "Chart {title}, can be scrolled",
        "level": "Group",
        "number": "Number",
        "interval": "95% interval",
        "share": "Share (95% interval)",
        "truth": "True (made up)",
        "range": "{lower} – {upper}",
        "faint": "uncertain",
        "zero": "cannot be told from zero",
        "grade": "Quality",
        "indicators": "What it is about",
        "indicator_column": "Of what",
        "changed": "Since the year before",
        "reading_grades": "The letter says how large the uncertainty is beside the number: A at most a "
        "tenth, B a quarter, C a half, D more. ‘Cannot be told from zero’ stands with numbers that may as "
        "well be zero.",
        "exact": "Exact figures",
        "exact_about": "These figures were not counted from records about persons. There is no noise in "
        "them.",
        "exact_column": "Figure",
        "year": "Year",
        "source": "Source",
        "absent_tables": "Not in this release",
        "absent_table": "This table is not in this release.",
        "reading": "How to read this",
        "reading_dots": "A dot is an estimate, its line the interval that holds the true number in 95 of "
        "100 cases. The noise can take an estimate below zero: its dot stands left of the zero line. Lines "
        "begin at zero or above. Numbers for reading are rounded, and fitted together so that none is below "
        "zero.",
        "reading_faint": "An open, grey dot and the word ‘uncertain’ stand with numbers whose interval is "
        "wider than the number itself: do not read those alone, but together with others.",
        "reading_sums": "Do not add up rounded numbers; to calculate, take the column ‘estimate’ of the CSV "
        "file. Shares are of the estimated total of the same group of people, and are left out where that "
        "is too uncertain.",
        "privacy": "What it costs in privacy",
        "loss": "Loss for a person: rho {rho} ({measure}), which is epsilon {epsilon} at delta {delta}. The "
        "programme allows rho {most} at most.",
        "power": "Someone who knows everything but whether one person is in the data, and says yes wrongly "
        "in {alarms} of cases, is right about a person who is there in at most {power} of cases.",
        "unit": "Protected: {unit}",
        "unprotected": "Not protected: {unprotected}",
        "method": "How it was measured",
        "method_tables": "All tables of a group of people count the same rows and are estimated together by "
        "weighted least squares, so that margins and roll-ups that they have in common agree. Figures of a "
        "follow-up question, such as the ground of a refusal, are estimated by themselves.",
        "files": "The figures themselves",
        "file": "{name} ({size} kB)",
        "file_csv": "all figures, one row each",
        "file_indicators": "the key figures, with the change since the year before",
        "file_exact": "exact figures: who took part, places, earlier publications",
        "file_eu": "the table that the European Union asks for",
        "file_trends": "the figures over the years",
        "file_measured": "the sums as they were measured",
        "file_programme": "the programme, signed",
        "file_guide_nl": "reading guide, in Dutch",
        "file_guide_en": "reading guide",
        "file_schema": "how manifest.json is laid out",
        "file_registry": "description for the registry of differential privacy",
        "file_public": "the exact figures that do not come from the round, signed",
        "file_transcript": "how the round went",
        "file_parquet": "the same for programs that calculate",
        "file_json": "what was counted, with which codes, who took part, what it cost",
        "file_signed": "the same, signed by the coordinator",
        "check": "This page was made from those files and is itself not signed. To check the signature of "
        "the files, use samentel verify.",
        "by": "Programme {programme}, version {version}; {software}.",
    },
}
