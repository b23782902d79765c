"""One distinct payload inspected once: is it data, is it right, when was it sent, which in the sequence.

A broadcast reaches many subscribers of one worker as the same bytes: recognising it costs a comparison, not a parse.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any

import msgspec

from loadtest.fanout import Broadcast
from loadtest.json_object import JsonObject
from loadtest.moments import Moments, kind_of, seconds
from loadtest.plain import Plain
from loadtest.profiles import WebSocketGroup
from loadtest.steps import Steps
from loadtest.text import valid_utf8

__all__ = ["Inspected", "Inspector", "Kind"]

REMEMBERED = 4
"""How many recent payloads are compared with; more would cost more than parsing a small one."""
REMEMBERED_BYTES = 4 * 2**20
"""Larger payloads than this are not remembered."""
WINDOW = 256
"""Payloads not known before, after which remembering is judged: if fewer than one in eight of all that came were known,
it is given up for the next RETRY messages."""
RETRY = 2048


class Kind(Enum):
    """What a message is."""

    DATA = "data"
    NOT_DATA = "not data"
    BAD = "bad"


@dataclass(slots=True)
class Inspected:
    """What was found in one payload; one object for all messages that bring it."""

    kind: Kind
    send_time: float | None = None
    """Seconds since the epoch, by the server's clock; None if the message does not say."""
    sequence: int | None = None
    data_time: float | None = None
    """As send_time: the newest (or oldest) of the times that `freshness` names; None if there is none."""
    error: str | None = None
    """The stable name of what is wrong with a BAD message."""
    broadcast: Broadcast | None = field(default=None, compare=False, repr=False)
    """Which broadcast it is; set by the audience that got it."""


NOT_DATA = Inspected(Kind.NOT_DATA)
SEQUENCE = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
PICKS = {"max": max, "min": min}


def _bad(name: str) -> Inspected:
    return Inspected(Kind.BAD, error=f"message: {name}")


class _Field:
    """One value at a dotted path."""

    def __init__(self, path: str, kind: Any) -> None:
        self.kind = kind
        self.first, *rest = path.split(".")
        self.nested = bool(rest)
        self._rest = [(key, JsonObject([key])) for key in rest]
        self._decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(kind | None)

    def pick(self, message: Mapping[str, msgspec.Raw]) -> Any:
        """The value; None if it is null, or if it or an object on the way is not there.

        Raises:
            msgspec.DecodeError, UnicodeDecodeError: it is not of the kind.
            RecursionError: what is beside it is nested too deeply.
        """
        raw = message.get(self.first)
        for key, inner in self._rest:
            if raw is None:
                return None
            try:
                raw = inner.read(raw).get(key)
            except msgspec.ValidationError:  # not an object, so without that key
                return None
        return None if raw is None else self._decoder.decode(raw)


class Inspector:
    """Inspects the messages of one group on one worker."""

    def __init__(self, group: WebSocketGroup) -> None:
        self._binary_is_not_data = any(matcher.binary for matcher in group.not_data)
        self._not_data = [frozenset(matcher.keys_) for matcher in group.not_data if matcher.keys_]
        self._expected = group.expect.keys_
        self._unit = "s" if group.send_time is None else group.send_time.unit
        self._send_time = None if group.send_time is None else _Field(group.send_time.field, kind_of(self._unit))
        self._sequence = None if group.sequence is None else _Field(group.sequence, SEQUENCE)
        fresh = group.freshness
        self._dates = None if fresh is None else Moments(fresh.field, fresh.unit, PICKS[fresh.pick])
        wanted = frozenset(self._expected).union(*self._not_data)
        wanted |= {field.first for field in (self._send_time, self._sequence) if field is not None}
        if self._dates is not None and self._dates.first is not None:
            wanted |= {self._dates.first}
        self._object = JsonObject(wanted) if wanted or self._dates is not None else None
        self._plain = self._plain_of()
        self.send_steps, self.data_steps = Steps(), Steps()
        """In which steps the messages tell when they were sent, and how old their data is."""
        self._looks_at_steps = self._send_time is not None or self._dates is not None
        self._recent: deque[tuple[bytes, bool, Inspected]] = deque(maxlen=REMEMBERED)
        self._hits = self._misses = self._resting = 0

    def _plain_of(self) -> Plain | None:
        """What reads the ordinary message; None: there is nothing to read, or it takes more than one look."""
        picked = [one for one in (self._send_time, self._sequence) if one is not None]
        kinds: dict[str, Any] = {one.first: one.kind for one in picked}
        if self._object is None or len(kinds) < len(picked) or any(one.nested for one in picked):
            return None
        if self._dates is not None and self._dates.first is not None:
            if self._dates.first in kinds:
                return None
            kinds[self._dates.first] = msgspec.Raw
        signs = [min(keys - kinds.keys() - {*self._expected}, default=None) for keys in self._not_data]
        try:
            return None if None in signs else Plain(self._expected, filter(None, signs), kinds)
        except ValueError:
            return None

    def inspect(self, payload: bytes, text: bool) -> Inspected:  # noqa: FBT001 - a hot path takes no keywords
        """Look at one message; `text` as opposed to binary. Never raises, whatever a server sends."""
        if self._resting:
            self._resting -= 1
            return self._look(payload, text=text)
        for known, known_text, inspected in self._recent:
            if known == payload and known_text is text:
                self._hits += 1
                return inspected
        inspected = self._look(payload, text=text)
        self._learn(payload, inspected, text=text)
        return inspected

    def _learn(self, payload: bytes, inspected: Inspected, *, text: bool) -> None:
        if len(payload) <= REMEMBERED_BYTES:
            self._recent.appendleft((payload, text, inspected))
        self._misses += 1
        if self._misses == WINDOW:
            if self._hits * 7 < self._misses:  # nearly all different: comparing is in vain
                self._resting = RETRY
                self._recent.clear()
            self._hits = self._misses = 0

    def _look(self, payload: bytes, *, text: bool) -> Inspected:
        inspected = self._found(payload, text=text)
        if self._looks_at_steps:
            self._look_at_steps(inspected)
        return inspected

    def _look_at_steps(self, inspected: Inspected) -> None:
        times = ((self.send_steps, inspected.send_time), (self.data_steps, inspected.data_time))
        for steps, time in times:
            if time is not None:
                steps.add(time)
        asked = ((self.send_steps, self._send_time), (self.data_steps, self._dates))
        self._looks_at_steps = not all(steps.known for steps, what in asked if what is not None)

    def _found(self, payload: bytes, *, text: bool) -> Inspected:
        if not text:
            if self._binary_is_not_data:
                return NOT_DATA
        elif not valid_utf8(payload):
            return _bad("invalid UTF-8")
        if self._object is None:
            return Inspected(Kind.DATA)
        try:
            return self._ordinary(payload) or self._judge(self._object.read(payload), payload)
        except msgspec.ValidationError:
            return _bad("not a JSON object") if self._expected else self._judge({}, payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _bad("not JSON") if self._expected else Inspected(Kind.DATA)

    def _ordinary(self, payload: bytes) -> Inspected | None:
        """As _judge, of a message that has all that is expected; None: it is to be judged."""
        values = None if self._plain is None else self._plain.read(payload)
        if values is None:
            return None
        try:
            return self._picked(values, payload)
        except (msgspec.DecodeError, ValueError, OverflowError, RecursionError):
            return None

    def _picked(self, values: tuple[Any, ...], payload: bytes) -> Inspected:
        send_time = sequence = data_time = None
        at = 0
        if self._send_time is not None:
            if (sent := values[0]) is not None and sent is not msgspec.UNSET:
                send_time = seconds(sent, self._unit)
            at = 1
        if self._sequence is not None:
            sequence = None if values[at] is msgspec.UNSET else values[at]
            at += 1
        if self._dates is not None:
            raw = payload if self._dates.first is None else values[at]
            data_time = None if raw is msgspec.UNSET else self._dates.pick(raw)
        return Inspected(Kind.DATA, send_time, sequence, data_time)

    def _judge(self, message: Mapping[str, msgspec.Raw], payload: bytes) -> Inspected:
        if any(keys <= message.keys() for keys in self._not_data):
            return NOT_DATA
        for key in self._expected:
            if key not in message:
                return _bad(f"key missing: {key}")
        try:
            sent = None if self._send_time is None else self._send_time.pick(message)
            send_time = None if sent is None else seconds(sent, self._unit)
        except (msgspec.DecodeError, ValueError, OverflowError):
            return _bad("bad send time")
        try:
            sequence = None if self._sequence is None else self._sequence.pick(message)
        except msgspec.DecodeError:
            return _bad("bad sequence")
        try:
            data_time = None if self._dates is None else self._date(self._dates, message, payload)
        except (msgspec.ValidationError, ValueError, OverflowError):
            return _bad("bad freshness time")
        except (msgspec.DecodeError, RecursionError):  # no JSON that can be read, where none is expected
            data_time = None
        return Inspected(Kind.DATA, send_time, sequence, data_time)

    @staticmethod
    def _date(dates: Moments, message: Mapping[str, msgspec.Raw], payload: bytes) -> float | None:
        raw = payload if dates.first is None else message.get(dates.first)
        return None if raw is None else dates.pick(raw)
