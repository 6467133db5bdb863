"""How documents are written and read: strict models, all mistakes at once, one canonical JSON."""

import json
import re
import tomllib
from datetime import UTC, datetime
from fractions import Fraction
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    StringConstraints,
    ValidationError,
)

from samentel.errors import DocumentError
from samentel.ids import DIGEST, NODE_ID, Period

_WRITTEN = re.compile(r"[0-9]{1,12}(?:/[1-9][0-9]{0,11})?")  # by a person
_COMPUTED = re.compile(r"[0-9]{1,4000}(?:/[1-9][0-9]{0,3999})?")  # 64 tables' losses together have 2,200
UNKNOWN_KEY = "is not a key that is known here"
TOML_MOST = 1 << 20  # bytes, as of any signed document
KEY_PARTS = 100  # as many full stops may stand in a text: it is looked for before it is parsed
OBJECTS_MOST = 40_000  # in one document: more than the codes of the largest programme
# A peer can make a hundred thousand mistakes in one document. Nobody reads further than the first,
# and listing them all takes a thousand times their bytes.
PROBLEMS_MOST, LISTED_MOST = 100, 10_000
_PART = r"""(?:[A-Za-z0-9_-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"(?<![A-Za-z0-9_\\-])(?:{_PART}[ \t]*+\.[ \t]*+){{{KEY_PARTS}}}")
# What could forge a line or turn one around on a terminal: control characters and reversals of direction.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


class Model(BaseModel):
    """A document or a part of one: frozen, unknown keys refused, no silent conversions."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)


def _fraction(value: object, form: re.Pattern[str]) -> Fraction:
    text = str(value) if isinstance(value, Fraction) else value
    if isinstance(text, str) and text[:1] == "-" and form.fullmatch(text[1:]):
        raise ValueError('is less than 0; write 0 or more in quotes, such as "1/2"')
    if not isinstance(text, str) or form.fullmatch(text) is None:
        raise ValueError('write an exact number in quotes, such as "1/2"')
    return Fraction(text)


def _period(value: object) -> Period:
    if isinstance(value, Period):
        return value
    if not isinstance(value, str):
        raise ValueError('write a period in quotes, such as "2025" or "2025Q3"')
    try:
        return Period.parse(value)
    except DocumentError as error:
        raise ValueError(error.problems[0]) from None


def _line(value: str) -> str:
    if _UNSEEN.search(value):
        raise ValueError("holds a control character, or one that turns the direction of writing")
    return value


def _lines(value: str) -> str:
    _line(value.replace("\n", ""))
    return value


def _moment(value: object) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("write a moment with its time zone, such as 2026-03-01T08:00:00+00:00")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside the years 1 to 9999") from None


Exact = Annotated[
    Fraction,
    BeforeValidator(lambda value: _fraction(value, _WRITTEN)),
    PlainSerializer(str, return_type=str),
]
LongExact = Annotated[
    Fraction,
    BeforeValidator(lambda value: _fraction(value, _COMPUTED)),
    PlainSerializer(str, return_type=str),
]
Moment = Annotated[
    datetime, BeforeValidator(_moment), PlainSerializer(lambda moment: moment.isoformat(), return_type=str)
]
PeriodField = Annotated[Period, BeforeValidator(_period), PlainSerializer(str, return_type=str)]
DigestField = Annotated[str, StringConstraints(pattern=f"^(?:{DIGEST.pattern})$")]
NodeIdField = Annotated[str, StringConstraints(pattern=f"^(?:{NODE_ID.pattern})$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_line)]
Prose = Annotated[str, StringConstraints(min_length=1, max_length=2000), AfterValidator(_lines)]

M = TypeVar("M", bound=Model)


def to_bytes(document: Model) -> bytes:
    """Canonical JSON: sorted keys, no blanks, UTF-8. These bytes are signed, never a re-serialisation."""
    value = document.model_dump(mode="json")
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def from_json(model: type[M], data: bytes, name: str) -> M:
    """Read a document from JSON; raises DocumentError with every mistake."""
    return _checked(model, data, name)


def from_toml(model: type[M], data: bytes, name: str) -> M:
    """Read a document from TOML; raises DocumentError with every mistake."""
    if len(data) > TOML_MOST:
        raise DocumentError(name, [f"larger than {TOML_MOST} bytes"])
    try:
        text = data.decode("utf-8")
        # tomllib keeps every beginning of a dotted key: time and memory grow with the square of its parts.
        if _LONG_KEY.search(text):
            raise DocumentError(name, [f"its tables are too deep: a key of more than {KEY_PARTS} parts"])
        value = tomllib.loads(text)
    except UnicodeDecodeError:
        raise DocumentError(name, ["is not UTF-8 text"]) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise DocumentError(name, [f"cannot be read as TOML: {error}"]) from None
    except ValueError:
        raise DocumentError(name, ["cannot be read as TOML: a number in it is too long"]) from None
    # By way of JSON, so that strict models see arrays and enumerations as text, in one way for both forms.
    try:
        text = json.dumps(value, default=str)
    except (ValueError, RecursionError):
        raise DocumentError(name, ["a number in it is too long, or its tables are too deep"]) from None
    return _checked(model, text.encode(), name)


def _checked(model: type[M], data: bytes, name: str) -> M:
    if data.count(b"{") > OBJECTS_MOST:  # before each of them is found to be wrong in seven ways
        raise DocumentError(name, [f"has more than {OBJECTS_MOST} parts"])
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        if error.error_count() > LISTED_MOST:
            raise DocumentError(name, [f"has {error.error_count()} mistakes, too many to list"]) from None
        details = error.errors(include_url=False, include_input=False)
        problems = [sentence for detail in details for sentence in _sentences(detail)]
    left_out = len(problems) - PROBLEMS_MOST
    more = [f"and {left_out} more"] if left_out > 0 else []
    raise DocumentError(name, problems[:PROBLEMS_MOST] + more)


def _sentences(detail: Any) -> list[str]:
    place = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "value_error" and not place:
        return [str(problem) for problem in detail["ctx"]["error"].args]  # each names its own place
    text = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        text = UNKNOWN_KEY
    if detail["type"] == "missing":
        text = "is missing"
    # The place may hold a key that somebody else wrote: cut short, and nothing in it that a terminal obeys.
    return [f"{_legible(place)}: {text}" if place else text]


def _legible(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text[:200])
