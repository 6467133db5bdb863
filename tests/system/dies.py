"""Runs one of the product's commands in this process, and kills it with SIGKILL where the orders say.

    python dies.py node.cli DIRECTORY NAME [the command's own words]

The product knows nothing of this file. From outside it wraps the four doors through which everything goes
that matters: the node's store and link, the coordinator's store, and the engine's connection. At each door
the process reads ``DIRECTORY/orders.json`` (see ``here``); a file under ``DIRECTORY/died`` says that an order
has been carried out, so that the process, started again, goes on.

What a node sends and is sent is written down by its SHA-256 in ``DIRECTORY/spoken``, before it leaves and as
it arrives: over any number of restarts the same message must be the same bytes.
"""

import hashlib
import importlib
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

DIRECTORY = Path()
NAME = ""
PASSED: Counter[tuple[str, int]] = Counter()


def here(door: str, when: str, labels: Collection[str]) -> None:
    """Die if an order says so: ``{"who", "door", "when", "what", "nth"}``, the nth passing through that door.

    Args:
        labels: what is being done there, in several words; one of them is the order's ``what``.
    """
    try:
        orders = json.loads((DIRECTORY / "orders.json").read_bytes())
    except FileNotFoundError:
        return
    for number, order in enumerate(orders["deaths"]):
        if (order["who"], order["door"], order["when"]) != (NAME, door, when) or order["what"] not in labels:
            continue
        marker = DIRECTORY / "died" / f"{orders['case']}-{number}"
        PASSED[orders["case"], number] += 1
        if PASSED[orders["case"], number] < order["nth"] or marker.exists():
            continue
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def speak(**line: object) -> None:
    """Write down what is sent or received; a killed process's line is not lost."""
    with (DIRECTORY / "spoken" / f"{NAME}.jsonl").open("a", encoding="ascii") as spoken:
        spoken.write(json.dumps(line) + "\n")


def name_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def mortal_node() -> None:
    """Wrap the node's store and link."""
    from node import config, identity
    from node.link import Link
    from node.sealing import unseal
    from node.store import Store
    from samentel.secagg.client import Client
    from samentel.secagg.encoding import decode

    state = config.load(Path(sys.argv[sys.argv.index("--config") + 1])).state_dir
    write, call = Store.write, Link.call

    def mortal_write(self: Any, now: Any, **parts: Any) -> None:
        labels = [f"entry-{entry.read().kind}" for entry in parts.get("entries", ())]
        labels += [f"round-{record.state}" for record in parts.get("rounds", ())]
        labels += [f"sum-{record.version}" for record in parts.get("sums", ())]
        here("write", "before", labels)
        write(self, now, **parts)
        for record in parts.get("sums", ()):
            if record.sealed:
                opened = unseal(identity.protocol_key(state), record.round_id, record.version, record.sealed)
                written(record.round_id, decode(Client, opened))
        here("write", "after", labels)

    async def mortal_call(self: Any, method: Any, request: Any, *rest: Any) -> Any:
        labels = [method.name, f"{method.name}-{getattr(getattr(request, 'kind', None), 'name', '')}"]
        here("call", "before", labels)
        sent(method.name, request)
        answer = await call(self, method, request, *rest)
        if method.name != "GetLetter" or answer.length:  # an empty letter is no letter yet
            received(method.name, request, answer)
            here("call", "after", labels)
        return answer

    Store.write = mortal_write  # type: ignore[method-assign]
    Link.call = mortal_call  # type: ignore[method-assign, assignment]


def written(round_id: str, client: Any) -> None:
    """What a state that is on disk now says of the upload and of each message."""
    if client.vector:
        speak(round=round_id, what=["vector"], message=client.vector.hex(), data="")
    for send in client.outbox:
        kind = send.kind.name
        speak(round=round_id, what=[kind, "state"], message=name_of(send.message), data="")


def sent(method: str, request: Any) -> None:
    if method == "PutMessage":
        data = name_of(request.message + bytes(1) + request.data)
        place = [request.kind.name, request.length, request.offset]
        speak(round=request.round_id, what=place, message=name_of(request.message), data=data)
    if method == "PutContribution":
        said = json.loads(request.contribution.payload)
        data = name_of(request.contribution.payload + bytes(1) + request.vector)
        speak(round=said["round"], what=["contribution", 0, 0], message="", data=data)


def received(method: str, request: Any, answer: Any) -> None:
    if method == "GetLetter":
        place = [request.kind.name, answer.length, request.offset]
        speak(round=request.round_id, what=place, message="", data=name_of(answer.data))


def mortal_aggregator() -> None:
    """Wrap the coordinator's store, for its daemon, and the connection, for its engine."""
    from aggregator.client import Coordinator
    from aggregator.events import Event
    from aggregator.store import Store

    append, call = Store.append, Coordinator._call

    def mortal_append(self: Any, after: Any, at: Any, bodies: Any, *rest: Any, **more: Any) -> Any:
        labels = []
        for subject, body in bodies:
            kind = Event(1, at, subject, body).kind
            details = [str(getattr(body, field, "")).lower() for field in ("kind", "phase")]
            labels += [kind, *(f"{kind}-{detail}" for detail in details if detail)]
        here("append", "before", labels)
        head = append(self, after, at, bodies, *rest, **more)
        here("append", "after", labels)
        return head

    def mortal_call(self: Any, method: Any, *rest: Any) -> Any:
        here("ask", "before", [method.name])
        answer = call(self, method, *rest)
        status = getattr(answer, "round", None)
        seen = [status.phase.name, status.sum_phase.name] if hasattr(status, "phase") else []
        here("ask", "after", [method.name, *seen])
        return answer

    Store.append = mortal_append  # type: ignore[method-assign]
    Coordinator._call = mortal_call  # type: ignore[method-assign]


MORTAL: dict[str, Callable[[], None]] = {"node.cli": mortal_node, "aggregator.cli": mortal_aggregator}


def main() -> None:
    global DIRECTORY, NAME
    module, directory, NAME, *words = sys.argv[1:]
    DIRECTORY = Path(directory)
    MORTAL[module]()
    sys.argv = [module, *words]
    importlib.import_module(module).main()


if __name__ == "__main__":
    main()
