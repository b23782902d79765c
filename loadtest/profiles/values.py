"""The kinds of single values in a profile: durations, ranges, sizes, paths, headers. Text in, checked values out.

Inside, a duration is a float in seconds and a size an int in bytes. Every ValueError raised here is a sentence about
the value that never repeats it, since it may be a secret.
"""

import base64
import binascii
import re
from decimal import Decimal
from typing import Annotated, Any, NamedTuple, Self

from pydantic import BeforeValidator, Field, PlainSerializer, Strict, WithJsonSchema
from pydantic_core import PydanticCustomError

from loadtest.profiles.document import Plain
from loadtest.schedule import duration_text

__all__ = [
    "Binary",
    "Duration",
    "DurationOrZero",
    "FieldPath",
    "Flag",
    "Headers",
    "Json",
    "Number",
    "Pause",
    "Range",
    "RequestPath",
    "Size",
    "Text",
    "Token",
    "Whole",
    "parse_duration",
]

_PART = r"(?:([0-9]+(?:\.[0-9]+)?){})?"
_DURATION = re.compile("([-+]?)" + "".join(map(_PART.format, ("h", "m(?!s)", "s", "ms"))))
_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")
_UNITS = (Decimal(3600), Decimal(60), Decimal(1), Decimal("0.001"))
_LONGEST = 365 * 24 * 3600
_SIZE = re.compile(r"([0-9]+)\s*(B|KB|KiB|MB|MiB|GB|GiB)?")
_SIZES = {None: 1, "B": 1, "KB": 10**3, "KiB": 2**10, "MB": 10**6, "MiB": 2**20, "GB": 10**9, "GiB": 2**30}
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token of RFC 9110, 5.6.2; also what a subprotocol may look like (RFC 6455, 4.1)."""
_OURS = {"connection", "content-length", "transfer-encoding", "upgrade", "keep-alive", "te", "trailer"}

DURATION_PATTERN = r"^(?=.)([0-9]+(\.[0-9]+)?h)?([0-9]+(\.[0-9]+)?m)?([0-9]+(\.[0-9]+)?s)?([0-9]+(\.[0-9]+)?ms)?$"
POSITIVE_PATTERN = DURATION_PATTERN.replace("(?=.)", "(?=.*[1-9])")
RANGE_PATTERN = r"^[0-9.hms]+(\.\.[0-9.hms]+)?$"


def wrong(sentence: str) -> PydanticCustomError:
    """Make the error whose text is `sentence` and nothing else."""
    return PydanticCustomError("profile", "{sentence}", {"sentence": sentence})


def value_of(given: Any) -> Any:
    """What an unquoted value means, where text isn't wanted; also inside lists and mappings."""
    if isinstance(given, Plain):
        return given.value
    if isinstance(given, dict):
        return {key: value_of(item) for key, item in given.items()}
    return [value_of(item) for item in given] if isinstance(given, list) else given


def text_of(given: Any) -> Any:
    """What was written, where text is wanted."""
    return str(given) if isinstance(given, str) else given


def _seconds(given: Any) -> float:
    given = value_of(given)
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise ValueError("must be a duration such as 100ms, 10s or 1m30s")  # noqa: TRY004 - pydantic wants a ValueError
    match = _DURATION.fullmatch(given) if isinstance(given, str) else None
    if match and any(match.groups()[1:]):
        total = sum(Decimal(n) * unit for n, unit in zip(match.groups()[1:], _UNITS, strict=True) if n)
        seconds = float(-total if match[1] == "-" else total)
    elif isinstance(given, str) and not _NUMBER.fullmatch(given):
        raise ValueError("must be a duration such as 100ms, 10s or 1m30s")
    else:
        seconds = float(given)
    if not abs(seconds) <= _LONGEST:  # also true of NaN
        raise ValueError("must be a year at most")
    return seconds


def _not_negative(given: Any) -> float:
    seconds = _seconds(given)
    if seconds < 0:
        raise ValueError("must not be less than 0")
    return seconds


def parse_duration(given: Any) -> float:
    """Read `100ms`, `10s`, `1m30s`, `1h` or a number of seconds; returns seconds, more than 0. Raises ValueError."""
    seconds = _seconds(given)
    if seconds <= 0:
        raise ValueError("must be more than 0")
    return seconds


class Range(NamedTuple):
    """From `low` to `high` seconds, both included; one value where they are equal."""

    low: float
    high: float

    @classmethod
    def read(cls, given: Any) -> Self:
        """Read `100ms..5s`, or `2s` for exactly that. Raises ValueError."""
        if isinstance(given, cls):
            return given
        low, dots, high = text_of(given).partition("..") if isinstance(given, str) else (given, "", "")
        if not dots:
            return cls(*[_not_negative(given)] * 2)
        ends = cls(_not_negative(low.strip()), _not_negative(high.strip()))
        if ends.low > ends.high:
            raise ValueError("must not start above its end: write the shorter duration first")
        return ends

    def __str__(self) -> str:
        low, high = duration_text(self.low), duration_text(self.high)
        return low if self.low == self.high else f"{low}..{high}"


def _positive_range(given: Any) -> Range:
    ends = Range.read(given)
    if ends.low <= 0:
        raise ValueError("must be more than 0")
    return ends


def _size(given: Any) -> int:
    given = value_of(given)
    match = _SIZE.fullmatch(str(given)) if isinstance(given, str | int) and not isinstance(given, bool) else None
    if not match or not (size := int(match[1][:20]) * _SIZES[match[2]]):
        raise ValueError("must be a size of more than 0 such as 500, 64KiB or 16MiB")
    if size > 2**30:
        raise ValueError("must be 1GiB at most")
    return size


def request_path(given: Any) -> str:
    """Check a path, perhaps with a query (RFC 9112, 3.2.1). Raises ValueError."""
    if not isinstance(given, str) or not given.startswith("/") or given.startswith("//"):
        raise ValueError("must be a path that starts with one /; the host is the target's")
    if "#" in given:
        raise ValueError("must not have a # part: servers never see it")
    if not given.isascii() or not given.isprintable() or " " in given:
        raise ValueError("must be percent-encoded where it has spaces or anything beyond ASCII")
    return str(given)


def _field_path(given: Any) -> str:
    if not isinstance(given, str) or not all(given.split(".")):
        raise ValueError("must name a field of the message, with dots into objects: time, or meta.time")
    return str(given)


def _token(given: Any) -> str:
    if not isinstance(given, str) or not given.isprintable():
        raise ValueError("must be text in one line")
    return str(given)


def _headers(given: Any) -> dict[str, str]:
    if not isinstance(given, dict):
        raise wrong("must be a mapping of names to texts")
    headers = {name: text_of(value) for name, value in given.items() if value is not None}
    seen: set[str] = set()
    for name, value in headers.items():
        lower = name.lower()
        if not _HEADER.fullmatch(name):
            raise ValueError("has a name that is no header's: letters, digits and - are")
        if lower in seen:
            raise ValueError(f"has {lower} twice: upper and lower case are the same")
        if lower in _OURS or lower.startswith("sec-websocket-"):
            raise ValueError(f"must not have {name}: loadtest sets it")
        if not isinstance(value, str):
            raise ValueError(f"must have a text as {name}")  # noqa: TRY004 - pydantic wants a ValueError
        if any(char in "\r\n\0" or ord(char) > 255 for char in value):  # noqa: PLR2004 - Latin-1
            raise ValueError(f"must have {name} in one line, in Latin-1")
        seen.add(lower)
    return headers


def _binary(given: Any) -> bytes:
    try:
        return base64.b64decode(given if isinstance(given, str) else "?", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("must be base64") from None


def subprotocol(given: Any) -> str:
    """Check one entry of Sec-WebSocket-Protocol (RFC 6455, 4.1)."""
    if not isinstance(given, str) or not _HEADER.fullmatch(given):
        raise ValueError("must be a name of letters, digits, - and . only")
    return str(given)


def _schema(**schema: Any) -> WithJsonSchema:
    return WithJsonSchema(schema)


def _either(pattern: str, **number: Any) -> WithJsonSchema:
    return _schema(anyOf=[{"type": "string", "pattern": pattern}, {"type": "number"} | number])


_AS_TEXT = PlainSerializer(duration_text, when_used="json")

Text = Annotated[str, BeforeValidator(text_of)]
Whole = Annotated[int, Strict(), BeforeValidator(value_of)]
Number = Annotated[
    float,
    Strict(),
    BeforeValidator(value_of),
    Field(allow_inf_nan=False),
    PlainSerializer(lambda number: int(number) if number == int(number) else number, when_used="json"),
]
Flag = Annotated[bool, Strict(), BeforeValidator(value_of)]
Json = Annotated[Any, BeforeValidator(value_of), _schema()]
Token = Annotated[str, BeforeValidator(_token)]
Duration = Annotated[float, BeforeValidator(parse_duration), _AS_TEXT, _either(POSITIVE_PATTERN, exclusiveMinimum=0)]
DurationOrZero = Annotated[float, BeforeValidator(_not_negative), _AS_TEXT, _either(DURATION_PATTERN, minimum=0)]
Pause = Annotated[
    Range, BeforeValidator(Range.read), PlainSerializer(str, when_used="json"), _either(RANGE_PATTERN, minimum=0)
]
Length = Annotated[
    Range,
    BeforeValidator(_positive_range),
    PlainSerializer(str, when_used="json"),
    _either(RANGE_PATTERN, exclusiveMinimum=0),
]
Size = Annotated[
    int, BeforeValidator(_size), _schema(anyOf=[{"type": "string", "pattern": _SIZE.pattern}, {"type": "integer"}])
]
RequestPath = Annotated[str, BeforeValidator(request_path), _schema(type="string", pattern=r"^/(?!/)[!-\"$-~]*$")]
FieldPath = Annotated[str, BeforeValidator(_field_path), _schema(type="string", pattern=r"^[^.]+(\.[^.]+)*$")]
Subprotocol = Annotated[str, BeforeValidator(subprotocol), _schema(type="string", pattern=f"^{_HEADER.pattern}$")]
Headers = Annotated[
    dict[str, str],
    BeforeValidator(_headers),
    _schema(type="object", additionalProperties={"type": ["string", "number", "boolean"]}),
]
Binary = Annotated[
    bytes,
    BeforeValidator(_binary),
    PlainSerializer(lambda raw: base64.b64encode(raw).decode(), when_used="json"),
    _schema(type="string", contentEncoding="base64"),
]
