"""What a plan says in words, in Dutch and in English; ``desk/planning/plan_page.py`` puts the figures in."""

from collections.abc import Mapping

from samentel.figures.estimate import CONFIDENCE

WORDS: Mapping[str, Mapping[str, str]] = {
    "nl": {
        "title": "{made.programme} (versie {made.version}), {in_sum} in de som",
        "institutions": "instelling|instellingen",
        "attempts": "poging|pogingen",
        "table": "tabel",
        "cells": "cellen",
        "share": "deel\nvan rho",
        "follows": "volgt",
        "rows": "k = {k}",
        "about": ", ongeveer {reference} per periode",
        "sooner": "* Nauwkeurig genoeg om jaarlijks uit te geven.",
        "answers": f"Wat de eerste cijfers waard zijn ({CONFIDENCE:.0%})",
        "persons": "aantal",
        "points": "aandeel,\nprocentpunten",
        "levels": "Niveaus die de deelnemerslijst bepaalt, met het aantal instellingen als dat bekend is. "
        "Elk heeft er ten minste {needed} nodig (c + D + 2):",
        "agreed": "Met toestemming: {levels}",
        "by_consent": "Met toestemming: een instelling die zo'n niveau kan vullen, doet alleen mee als haar "
        "eigen goedkeuring het noemt.",
        "individual": "Als elke instelling zelf de volle ruis toevoegt (individuele wijze), is elk interval "
        "{ratio} × zo breed.",
        "loss": "Privacyverlies van één poging, alle tabellen samen: rho {rho}.",
        "epsilon": "Dat is epsilon {epsilon} bij delta {delta}.",
        "power": "Wie alles weet behalve of één persoon in de gegevens zit, en in {alarms} van de gevallen "
        "ten onrechte ja zegt, herkent die persoon in hoogstens {power} van de gevallen.",
        "ledger": "Het grootboek van elke instelling: {made.ledger_attempt} per poging, hoogstens "
        "{made.ledger_most} voor {attempts}, per verslagjaar.",
        "ledger_local": "Daarnaast boekt elk grootboek wat het kost als alle anderen samenspannen: "
        "{together.ledger_local} per poging, hoogstens {together.ledger_local_most}; daarvoor geldt een "
        "eigen plafond.",
        "assumed": "Dit houdt stand als met de coördinator niet meer dan {colluding} "
        "samenspannen (c), en er onderweg niet meer dan {together.absent_max} uitvallen (D).",
        "stay": "Als alle {made.institutions} instellingen hun geheim in delen hebben uitgedeeld, moeten er "
        "ten minste {together.sum_least} in de som zitten. Elk daarvan moet ermee instemmen, en "
        "{together.helpers} moeten helpen de maskers eraf te halen; anders is er geen uitkomst.",
        "tau": "Ruisdelen samen zijn zo goed als één trekking: tau × cellen is hoogstens {tau} (toegestaan "
        "{most}), en zit in het verlies hierboven.",
        "colluding": "Wat één poging kost als er meer samenspannen met de coördinator, die dan ook maar "
        "{fewest} instellingen kan laten meedoen",
        "colluders": "instellingen die\nsamenspannen",
        "rho": "rho",
        "epsilon_is": "epsilon",
        "no_masks": "op de maskers valt niet te rekenen; alleen het eigen ruisdeel",
        "only": "De intervallen dekken alleen de privacyruis.",
        "asked": "WAT ALS: hier is aangenomen dat hoogstens {collude} instelling(en) samenspannen "
        "(--collude). Het programma zelf zegt iets anders en verandert hierdoor niet.",
        "misses": "Wat niet wordt gehaald",
        "no_misses": "Niets: elke tabel haalt wat het programma en de leesbaarheidsregel vragen.",
        "pooled": "Alleen als som van drie jaar: {tables}.",
        "miss_target": "{table}: gevraagd is een sd van {sought}, het wordt {reached}.",
        "miss_readable": "{table}: onnauwkeurig: een leesbare gemiddelde cel vraagt een sd van hoogstens "
        "{sought}, het wordt {reached}. Alleen de grote cellen zijn te lezen.",
        "measured": "sd\nalleen",
        "sd": "sd\nsamen",
        "half": f"{CONFIDENCE:.0%}-\ninterv.",
        "least": "niet\nnul",
        "mean": "in een\ncel",
        "relative": "fout",
        "published": "uitgave",
        "years_1": "1 jaar",
        "years_3": "3 jaar",
        "imprecise": "! Onnauwkeurig volgens het programma: uitgegeven om de grote cellen.",
        "least_is": "Van de cel met de meeste ruis. 'Alleen': de tabel op zichzelf; 'samen': nadat alle "
        "tabellen van een populatie samen zijn geschat. 'Niet nul': het kleinste aantal dat van nul te "
        "onderscheiden is. 'In een cel': zoveel als er gemiddeld in een cel komt; 'fout': de sd daarvan als "
        "deel, zoals uitgegeven. Het interval is aan elke kant hoogstens de helft daarvan, jaarlijks of over "
        "drie jaar.",
        "optima": "Hoe goed de verdeling van rho is",
        "whole": "Het hele programma",
        "objective": "gewogen som\nvan varianties",
        "bound": "SVD-grens",
        "ratio": "verhouding",
        "better": "hoogstens\nte winnen",
        "certificate": "De SVD-grens is het minste dat een zuivere lineaire methode kan halen. Wat andere "
        "delen van rho hoogstens winnen, is bewezen (dualiteitskloof), niet geschat.",
        "targets": "Wat is gevraagd (--target), sd in personen",
        "figure": "cijfer",
        "sought": "gevraagd",
        "now": "nu",
        "met": "gehaald",
        "yes": "ja",
        "no": "nee",
        "rho_own": "Met de delen van het programma haalt rho {rho} ({about}) dit alles.",
        "rho_best": "Met de beste delen, hieronder, haalt rho {rho} ({about}) het; onder {least} haalt geen "
        "verdeling het.",
        "target_cap": "LET OP: dat is meer dan {cap} per poging. Een knooppunt weigert het, tot de "
        "instelling zelf caps.central verhoogt.",
        "idle": "Die delen laten bijna niets over voor tabellen waarvoor niets is gevraagd: {tables}. Vraag "
        "ook daarvoor iets.",
        "without": "Zonder {tables} (--drop): rho blijft, de delen zijn opnieuw de beste voor de gewichten",
        "before": "sd\nervoor",
        "after": "sd\nerna",
        "change": "verschil",
        "central": "Het standaardplafond van een knooppunt is {cap}, genoeg voor {attempts}, per "
        "verslagjaar.",
        "central_short": "LET OP: {made.ledger_most} voor {attempts} past niet onder het standaardplafond "
        "van een knooppunt, {cap} per verslagjaar. Het weigert wat er niet in past: verlaag rho of "
        "max_attempts, of laat elke instelling zelf caps.central op ten minste {made.ledger_most} zetten.",
        "cap": "Het standaardplafond van een knooppunt voor dat verlies is {cap}, genoeg voor {attempts}, "
        "per verslagjaar.",
        "cap_short": "LET OP: {together.ledger_local_most} voor {attempts} past niet onder het "
        "standaardplafond van een knooppunt voor het verlies als alle anderen samenspannen, {cap}. Een "
        "knooppunt weigert wat er niet in past, tot de instelling zelf caps.local op ten minste "
        "{together.ledger_local_most} zet.",
        "person": "Wat het kost voor wie vaker in de gegevens staat, per poging: rho × h² × jaren (epsilon; "
        "herkend bij {alarms} valse beschuldigingen)",
        "by_institutions": "instellingen (h)",
        "year": "jaar",
        "years": "jaren",
        "plan_of": "Plan",
        "skip": "Naar de cijfers",
        "accuracy": "Hoe nauwkeurig elke tabel wordt",
        "accuracy_title": "Half interval (stip) naast de gemiddelde cel (ring), op een schaal van machten "
        "van tien",
        "accuracy_says": "Elke rij is een tabel. De stip is de helft van het 95%-interval, in personen; de "
        "ring is zoveel als er gemiddeld in een cel komt. Hoe verder de ring rechts van de stip staat, hoe "
        "beter de tabel te lezen is. Grijs: onnauwkeurig volgens het programma.",
        "shares_title": "Deel van rho per tabel",
        "shares_says": "Elke rij is een tabel; de balk is haar deel van rho. Een tabel zonder balk wordt "
        "niet gemeten, maar volgt uit andere.",
        "tau_cells": "tau ×\ncellen",
        "what_if": "Wat andere tabellen winnen",
        "best_shares": "Beste delen van rho voor wat is gevraagd",
        "whom": "populatie",
        "privacy": "Wat het kost",
        "remark": "opmerking",
        "fixed": "Niveaus die de deelnemerslijst bepaalt",
        "level": "niveau",
        "needed": "nodig",
        "there": "op de deelnemerslijst",
        "consent": "toestemming",
        "page_digest": "Vingerafdruk van het programma (SHA-256):",
    },
    "en": {
        "title": "{made.programme} (version {made.version}), {in_sum} in the sum",
        "institutions": "institution|institutions",
        "attempts": "attempt|attempts",
        "table": "table",
        "cells": "cells",
        "share": "share\nof rho",
        "follows": "follows",
        "rows": "k = {k}",
        "about": ", about {reference} a period",
        "sooner": "* Accurate enough to be published yearly.",
        "answers": f"What the first figures are worth ({CONFIDENCE:.0%})",
        "persons": "number",
        "points": "share,\npercentage points",
        "levels": "Levels that the roster fixes, with the number of institutions if that is known. Each "
        "needs at least {needed} (c + D + 2):",
        "agreed": "By consent: {levels}",
        "by_consent": "By consent: an institution that can fill such a level takes part only if its own "
        "approval names it.",
        "individual": "If each institution added the full noise itself (individual mode), every interval "
        "would be {ratio} × as wide.",
        "loss": "Privacy loss of one attempt, all tables together: rho {rho}.",
        "epsilon": "That is epsilon {epsilon} at delta {delta}.",
        "power": "Someone who knows everything but whether one person is in the data, and says yes wrongly "
        "in {alarms} of cases, recognises that person in at most {power} of cases.",
        "ledger": "The ledger of every institution: {made.ledger_attempt} an attempt, at most "
        "{made.ledger_most} for {attempts}, each reporting year.",
        "ledger_local": "Each ledger also books what it costs if everybody else colludes: "
        "{together.ledger_local} an attempt, at most {together.ledger_local_most}; a cap of its own holds "
        "for that.",
        "assumed": "This holds if no more than {colluding} collude with the coordinator (c), and no more "
        "than {together.absent_max} fall out on the way (D).",
        "stay": "Once all {made.institutions} institutions have dealt their seed shares, at least "
        "{together.sum_least} must be in the sum. Every one of those must agree to it, and "
        "{together.helpers} must help to take the masks off, or nothing comes out.",
        "tau": "Noise shares together are as good as one draw: tau × cells is at most {tau} (allowed "
        "{most}), and is in the loss above.",
        "colluding": "What one attempt costs if more collude with the coordinator, which can then also let "
        "as few as {fewest} institutions take part",
        "colluders": "institutions\nthat collude",
        "rho": "rho",
        "epsilon_is": "epsilon",
        "no_masks": "masks cannot be counted on; one's own noise share only",
        "only": "Intervals cover privacy noise only.",
        "asked": "WHAT IF: here at most {collude} institution(s) are assumed to collude (--collude). The "
        "programme itself says something else, and is not changed by this.",
        "misses": "What is not reached",
        "no_misses": "Nothing: every table reaches what the programme and the rule of reading ask.",
        "pooled": "Only as a sum of three years: {tables}.",
        "miss_target": "{table}: an sd of {sought} is sought, it will be {reached}.",
        "miss_readable": "{table}: imprecise: a mean cell that can be read asks an sd of at most {sought}, "
        "it will be {reached}. Only its large cells can be read.",
        "measured": "sd\nalone",
        "sd": "sd\nafter",
        "half": f"{CONFIDENCE:.0%}\ninterv.",
        "least": "not\nzero",
        "mean": "in one\ncell",
        "relative": "error",
        "published": "every",
        "years_1": "1 year",
        "years_3": "3 years",
        "imprecise": "! Imprecise by the programme: published for its large cells.",
        "least_is": "Of the cell with most noise. 'Alone': the table by itself; 'after': after all "
        "tables of a population are estimated together. 'Not zero': the smallest count that can be told from "
        "zero. 'In one cell': as many as the mean cell will hold; 'error': its sd as a part of that, as "
        "published. The interval is at most half of that on either side, yearly or over three years.",
        "optima": "How good the division of rho is",
        "whole": "The whole programme",
        "objective": "weighted sum\nof variances",
        "bound": "SVD bound",
        "ratio": "ratio",
        "better": "to gain\nat most",
        "certificate": "The SVD bound is the least that an unbiased linear method can reach. What other "
        "shares of rho gain at most is proven (duality gap), not estimated.",
        "targets": "What was asked for (--target), sd in persons",
        "figure": "figure",
        "sought": "sought",
        "now": "now",
        "met": "met",
        "yes": "yes",
        "no": "no",
        "rho_own": "With the shares of the programme, rho {rho} ({about}) reaches all of it.",
        "rho_best": "With the best shares, below, rho {rho} ({about}) reaches it; below {least} no division "
        "does.",
        "target_cap": "WARNING: that is more than {cap} an attempt. A node refuses it, until its institution "
        "itself raises caps.central.",
        "idle": "Those shares leave next to nothing for tables that nothing was asked of: {tables}. Ask "
        "something of these too.",
        "without": "Without {tables} (--drop): rho stays, the shares are the best for the weights again",
        "before": "sd\nbefore",
        "after": "sd\nafter",
        "change": "change",
        "central": "The default cap of a node is {cap}, enough for {attempts}, each reporting year.",
        "central_short": "WARNING: {made.ledger_most} for {attempts} does not fit under the default cap of a "
        "node, {cap} each reporting year. It refuses what does not fit: lower rho or max_attempts, or let "
        "every institution itself set caps.central to at least {made.ledger_most}.",
        "cap": "The default local cap of a node is {cap}, enough for {attempts}, each reporting year.",
        "cap_short": "WARNING: {together.ledger_local_most} for {attempts} does not fit under the default "
        "local cap of a node, {cap}. A node refuses what does not fit, until its institution itself sets "
        "caps.local to at least {together.ledger_local_most}.",
        "person": "What it costs a person who is in the data more than once, an attempt: rho × h² × years "
        "(epsilon; recognised at {alarms} false accusations)",
        "by_institutions": "institutions (h)",
        "year": "year",
        "years": "years",
        "plan_of": "Plan",
        "skip": "To the figures",
        "accuracy": "How accurate each table will be",
        "accuracy_title": "Half an interval (dot) beside the mean cell (ring), on a scale of powers of ten",
        "accuracy_says": "Each row is a table. The dot is half the 95% interval, in persons; the ring is as "
        "many as the mean cell will hold. The further the ring is to the right of the dot, the better the "
        "table can be read. Grey: imprecise by the programme.",
        "shares_title": "Share of rho of each table",
        "shares_says": "Each row is a table; the bar is its share of rho. A table without a bar is not "
        "measured, but follows from others.",
        "tau_cells": "tau ×\ncells",
        "what_if": "What other tables gain",
        "best_shares": "Best shares of rho for what was asked",
        "whom": "population",
        "privacy": "What it costs",
        "remark": "remark",
        "fixed": "Levels that the roster fixes",
        "level": "level",
        "needed": "needed",
        "there": "on the roster",
        "consent": "consent",
        "page_digest": "Digest of the programme (SHA-256):",
    },
}
