"""What this institution itself holds of a round: with it, anybody finds its counts in a release.

Nothing in the file is secret: the coordinator's receipt, and our own signature under who is in the sum.
"""

from pathlib import Path

from node.config import Config
from node.receipts import LEAST_TYPED
from node.store import Reader
from samentel.documents import envelope as envelopes
from samentel.errors import LocalFault


def write(config: Config, round_id: str, out: Path) -> None:
    """Write the file with which ``samentel verify`` finds our counts in a release.

    Args:
        round_id: the round, or the start of its id.
        out: the file to write; it must not be there yet.

    Raises:
        LocalFault: there is no such round or no receipt of it, or the file cannot be written.
    """
    from samentel.secagg import transcript  # numpy is loaded for this, not for `status`

    with Reader.open_read_only(config.state_dir) as reader:
        named = [record for record in reader.rounds() if record.round_id.startswith(round_id)]
    if len(named) != 1 or len(round_id) < LEAST_TYPED or named[0].receipt is None:
        raise LocalFault(
            f"{round_id}: of no such round is there a receipt of the coordinator; "
            "`samentel-node status` lists the rounds"
        )
    record, receipt = named[0], envelopes.from_json(named[0].receipt)
    agreement = record.contribution if record.vector is None else None  # in individual mode a statement
    data = transcript.hold(receipt, agreement or b"")
    try:
        with open(out, "xb") as file:
            file.write(data + b"\n")
    except OSError as error:
        raise LocalFault(f"{out} cannot be written: {error.strerror}") from None
