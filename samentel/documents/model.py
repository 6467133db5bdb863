"""How documents are written and read: strict models, all mistakes at once, one canonical JSON."""

import json
import re
import tomllib
from datetime import UTC, datetime
from fractions import Fraction
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, StringConstraints, ValidationError

from samentel.errors import DocumentError
from samentel.ids import DIGEST, NODE_ID, Period

_FRACTION = re.compile(r"[0-9]{1,12}(?:/[1-9][0-9]{0,11})?")


class Model(BaseModel):
    """A document or a part of one: frozen, unknown keys refused, no silent conversions."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)


def _fraction(value: object) -> Fraction:
    if isinstance(value, Fraction):
        return value
    if not isinstance(value, str) or _FRACTION.fullmatch(value) is None:
        raise ValueError('write an exact number in quotes, such as "1/2"')
    return Fraction(value)


def _period(value: object) -> Period:
    if isinstance(value, Period):
        return value
    try:
        return Period.parse(str(value))
    except DocumentError as error:
        raise ValueError(error.problems[0]) from None


def _moment(value: object) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("write a moment with its time zone, such as 2026-03-01T08:00:00+00:00")
    return value.astimezone(UTC)


Exact = Annotated[Fraction, BeforeValidator(_fraction), PlainSerializer(str, return_type=str)]
Moment = Annotated[
    datetime, BeforeValidator(_moment), PlainSerializer(lambda moment: moment.isoformat(), return_type=str)
]
PeriodField = Annotated[Period, BeforeValidator(_period), PlainSerializer(str, return_type=str)]
DigestField = Annotated[str, StringConstraints(pattern=f"^(?:{DIGEST.pattern})$")]
NodeIdField = Annotated[str, StringConstraints(pattern=f"^(?:{NODE_ID.pattern})$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]

M = TypeVar("M", bound=Model)


def to_bytes(document: Model) -> bytes:
    """Canonical JSON: sorted keys, no blanks, UTF-8. What is signed is these bytes, never a re-serialisation."""
    return json.dumps(
        document.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode()


def from_json(model: type[M], data: bytes, name: str) -> M:
    """Read a document from JSON; raises DocumentError with every mistake."""
    return _checked(model, data, name)


def from_toml(model: type[M], data: bytes, name: str) -> M:
    """Read a document from TOML; raises DocumentError with every mistake."""
    try:
        value = tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise DocumentError(name, ["is not UTF-8 text"]) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise DocumentError(name, [f"cannot be read as TOML: {error}"]) from None
    # By way of JSON, so that strict models see arrays and enumerations as text, in one way for both forms.
    return _checked(model, json.dumps(value, default=str).encode(), name)


def _checked(model: type[M], data: bytes, name: str) -> M:
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        raise DocumentError(name, [_sentence(detail) for detail in error.errors()]) from None


def _sentence(detail: Any) -> str:
    place = ".".join(str(part) for part in detail["loc"]) or "the whole"
    text = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        text = "is not a key that is known here"
    if detail["type"] == "missing":
        text = "is missing"
    return f"{place}: {text}"
