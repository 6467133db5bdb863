"""What shows of a round, to people who do not trust us, what happened in it: a proof, and its transcript.

The proof against a dealer goes to the programme authority, with every document that it needs to judge it. The
transcript goes into the release, for everybody.
"""

from aggregator import documents
from aggregator.book import opened
from aggregator.conductor import Round, Rounds
from aggregator.config import Config
from aggregator.office import Office
from aggregator.register import Document
from aggregator.store import Store
from samentel.documents.envelope import Envelope
from samentel.errors import LocalFault
from samentel.secagg import dossier
from samentel.secagg import transcript as transcripts

LEAST_TYPED = 4  # characters of a round id


def against_dealer(config: Config, start: str) -> tuple[str, bytes]:
    """Who is convicted in a round, and the file that proves it (``samentel.secagg.dossier``).

    Args:
        start: the round, or the start of its id.

    Raises:
        LocalFault: there is no such round, or nobody is convicted in it.
    """
    with opened(config) as book:
        round_ = _convicted(book.state.rounds, start)
        register, store = book.state.register, book.store
        data = dossier.bad_dealing(
            _document(store, register.programmes[round_.opened.programme]),
            _document(store, register.rosters[round_.opened.roster]),
            documents.stored(store, round_.opened.envelope),
            documents.stored(store, round_.start),
            store.blob(round_.evidence),
        )
    return round_.convicted, data


def transcript(office: Office, round_: Round) -> bytes:
    """The transcript of a round that has its sum (``samentel.secagg.transcript``); same each time."""
    store = office.book.store
    opened_as = documents.stored(store, round_.opened.envelope)
    if round_.secure:
        return transcripts.of_sum(
            opened_as, documents.stored(store, round_.start), office.sums.server(round_)
        )
    return transcripts.of_contributions(opened_as, round_.arrived)


def _convicted(rounds: Rounds, start: str) -> Round:
    named = [round_ for name, round_ in rounds.items() if name.startswith(start)]
    if len(named) != 1 or len(start) < LEAST_TYPED:
        raise LocalFault(f"{start}: there is no such round; see: samentel-aggregator round show")
    if not named[0].convicted:
        raise LocalFault(f"in round {start} nobody is proven to have dealt wrongly")
    return named[0]


def _document(store: Store, held: Document) -> Envelope:
    return documents.stored(store, held.envelope)
