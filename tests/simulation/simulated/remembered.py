"""Nothing but time: questions that were asked before, with the answers they had then.

A list asks the same of the same bytes thousands of times. Each of these functions gives the same for the
same, and what it gives cannot change. So the first answer is worked out by the real function, and only that
one. What a file holds is asked of the file. A message that was written is not read back by the codec: that
this gives the message again is shown in tests/samentel/test_codec.py. Bytes that nobody wrote are read.
"""

import asyncio
import sys
from collections.abc import Callable
from functools import cache, lru_cache, wraps
from typing import Any

import pytest

from samentel.counting import shares
from samentel.counting.ledger import Entry
from samentel.counting.privacy import TableNoise
from samentel.documents import envelope, model
from samentel.documents.keys import VerifyKey
from samentel.documents.programme import Programme
from samentel.secagg import encoding
from samentel.wire import codec

ANSWERS = 20_000  # of one function
OURS = ("samentel", "node", "aggregator")


def _plan_name(programme: Programme, rostered: int, dealers: int) -> object:
    return programme.digest, rostered, dealers


def _loss_name(programme: Programme, plan: tuple[TableNoise, ...], dealers: int) -> object:
    return programme.digest, plan, dealers


def _by_name(function: Callable[..., Any], name: Callable[..., object]) -> Callable[..., Any]:
    """Answers by what stands for the arguments: a whole programme is slow to compare."""
    known: dict[object, Any] = {}

    @wraps(function)
    def asked(*values: Any) -> Any:
        named = name(*values)
        if named not in known:
            known[named] = function(*values)
        return known[named]

    return asked


_written: dict[tuple[type, bytes], Any] = {}
_encode, _decode = codec.encode, lru_cache(ANSWERS)(codec.decode)


@lru_cache(ANSWERS)
def _write(value: object) -> bytes:
    if len(_written) > ANSWERS:
        _written.clear()
    data = _encode(value)
    _written[type(value), data] = value
    return data


def _read(kind: type, data: bytes) -> Any:
    written = _written.get((kind, data))
    return _decode(kind, data) if written is None else written


async def _at_once(function: Callable[..., Any], *values: Any, **named: Any) -> Any:
    """In the place of ``asyncio.to_thread``: nothing else happens meanwhile in any case."""
    return function(*values, **named)


# Where it is (its owner, its name), and what stands there while a list is played.
_INSTEAD: tuple[tuple[Any, str, Any], ...] = (
    (VerifyKey, "verifies", lru_cache(ANSWERS)(VerifyKey.verifies)),
    (Entry, "read", lru_cache(ANSWERS)(Entry.read)),
    (shares, "plan_of", _by_name(shares.plan_of, _plan_name)),
    (shares, "loss_of", _by_name(shares.loss_of, _loss_name)),
    (model, "_checked", lru_cache(ANSWERS)(model._checked)),
    (envelope, "from_json", lru_cache(ANSWERS)(envelope.from_json)),
    (encoding, "decode", lru_cache(ANSWERS)(encoding.decode)),
    (codec, "decode", _read),
    (codec, "encode", _write),
    (asyncio, "to_thread", _at_once),
)


@cache
def _places() -> list[tuple[Any, str, Any]]:
    """Everywhere that one of them is: a module keeps what it imports under a name of its own."""
    modules = [module for name, module in sys.modules.items() if name.split(".")[0] in OURS]
    found = []
    for owner, name, instead in _INSTEAD:
        real = vars(owner)[name]
        found.append((owner, name, instead))
        found += [
            (module, alias, instead)
            for module in modules
            for alias, value in vars(module).items()
            if value is real and module is not owner
        ]
    return found


def remember(patch: pytest.MonkeyPatch) -> None:
    """Put the answers in the place of the questions."""
    for owner, name, instead in _places():
        patch.setattr(owner, name, instead)
