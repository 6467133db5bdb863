"""What travels in a secure sum, piece by piece: letters to this node, and its messages with their rows."""

from collections.abc import Sequence

from node.link import Link
from samentel.documents.envelope import Envelope
from samentel.errors import PeerError
from samentel.secagg.standing import Send
from samentel.wire import messages as m
from samentel.wire.messages import LetterKind, MessageKind
from samentel.wire.methods import GET_LETTER, PUT_MESSAGE

_MOST_ROUNDS = 3  # a coordinator that was started anew asks for the first piece again; not for ever


async def fetch(link: Link, round_id: str, kind: LetterKind) -> bytes | None:
    """A letter as a whole, or None when there is nothing for this node yet.

    Raises:
        PeerError: the coordinator refuses, or its pieces do not make a letter of the length that it says.
        Unreachable: the connection went.
    """
    data, length = b"", 0
    while True:
        answer = await link.call(GET_LETTER, m.GetLetterRequest(round_id, kind, len(data)))
        if answer.length == 0:
            return None
        # Whole pieces only: a letter of single bytes would keep this node busy past every deadline.
        whole = min(m.PIECE, answer.length - len(data))
        if answer.length != (length or answer.length) or len(answer.data) != whole:
            raise PeerError("a letter of the coordinator has another length than it says")
        data, length = data + answer.data, answer.length
        if len(data) == length:
            return data


async def put(link: Link, round_id: str, send: Send) -> Sequence[Envelope]:
    """Hand a message in, each next piece from where the coordinator says, until it is stored there.

    Returns:
        The receipt that came with the last answer, not verified yet, or nothing.

    Raises:
        Declined: it comes too late, or the coordinator holds another one.
        PeerError: the coordinator asks for what cannot be, or does not come to an end.
        Unreachable: the connection went.
    """
    kind, whole, at = MessageKind[send.kind.name], send.attachment, 0
    for _ in range(_MOST_ROUNDS * (len(whole) // m.PIECE + 1)):
        piece = whole[at : at + m.PIECE]
        request = m.PutMessageRequest(round_id, kind, send.message, len(whole), at, piece)
        answer = await link.call(PUT_MESSAGE, request)
        if answer.stored:
            return answer.receipt
        at = answer.received
    raise PeerError("the coordinator does not take a message to its end")
