"""Receipts of masked counts that were left out of a sum: what our people are told, and can hand over."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from node.config import Config
from node.store import DocumentKind, Reader, RoundRecord
from samentel.documents import envelope as envelopes
from samentel.documents.envelope import Envelope
from samentel.documents.model import from_json
from samentel.documents.statements import MaskedReceipt, Round
from samentel.errors import LocalFault

LEAST_TYPED = 4  # characters of a round id


def left_out(reader: Reader) -> Sequence[Mapping[str, object]]:
    """Every round that leaves out counts of which there is a receipt."""
    found = ((reader.round(round_id), proposal) for round_id, proposal in reader.left_out().items())
    return [
        {
            "round": record.round_id,
            "period": record.period,
            "attempt": record.attempt,
            "taken_at": f"{_receipt(record)[1].taken_at:%Y-%m-%d %H:%M:%S} UTC",
            "proposal": bool(proposal),
        }
        for record, proposal in found
        if record is not None and record.receipt is not None
    ]


def write_complaint(config: Config, round_id: str, out: Path) -> None:
    """Write the file with which the authority can see that the coordinator left our counts out.

    Args:
        round_id: the round, or the start of its id.
        out: the file to write; it must not be there yet.

    Raises:
        LocalFault: no such round left us out, or the file cannot be written.
    """
    from samentel.secagg import dossier  # numpy is loaded for this, not for `status`

    with Reader.open_read_only(config.state_dir) as reader:
        held = reader.left_out()
        named = [name for name in held if name.startswith(round_id)]
        record = reader.round(named[0]) if len(named) == 1 and len(round_id) >= LEAST_TYPED else None
        if record is None or record.receipt is None:
            raise LocalFault(
                f"{round_id}: no such round left out counts that the coordinator took; "
                "`samentel-node status` lists those that did"
            )
        opened = envelopes.from_json(record.envelope)
        roster = _roster_of(reader, opened)
    data = dossier.left_out(roster, opened, _receipt(record)[0], held[record.round_id])
    try:
        with open(out, "xb") as file:
            file.write(data + b"\n")
    except OSError as error:
        raise LocalFault(f"{out} cannot be written: {error.strerror}") from None


def _receipt(record: RoundRecord) -> tuple[Envelope, MaskedReceipt]:
    assert record.receipt is not None  # asked for where there is one; verified before it was stored
    envelope = envelopes.from_json(record.receipt)
    return envelope, from_json(MaskedReceipt, envelope.payload, "receipt")


def _roster_of(reader: Reader, opened: Envelope) -> Envelope:
    digest = from_json(Round, opened.payload, "round").roster
    held = reader.documents(DocumentKind.ROSTER, digest)
    if not held:
        raise LocalFault("the roster of this round is not in the store any more: restore the state directory")
    return held[-1]
