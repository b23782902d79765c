"""Whether an HTTP answer is what the profile expects. A body that was seen before is not looked at again."""

import msgspec

from loadtest.json_object import JsonObject
from loadtest.profiles import AnswerCheck

__all__ = ["AnswerInspector"]


class AnswerInspector:
    """Checks answers of one kind of request; `problem()` gives a stable error name, or None."""

    def __init__(self, expect: AnswerCheck) -> None:
        self._statuses = frozenset(expect.status)
        self._contains = expect.contains.encode() if expect.contains is not None else None
        self._keys = expect.keys_
        self._object = JsonObject(self._keys)
        self._last: bytes | None = None
        self._last_problem: str | None = None

    def problem(self, status: int, body: bytes) -> str | None:
        """What is wrong with an answer, or None."""
        if status not in self._statuses if self._statuses else not 200 <= status < 300:  # noqa: PLR2004 - successful, RFC 9110 15.3
            return f"response: HTTP {status}"
        if self._contains is None and not self._keys:
            return None
        if body == self._last:
            return self._last_problem
        self._last, self._last_problem = body, self._content_problem(body)
        return self._last_problem

    def _content_problem(self, body: bytes) -> str | None:
        if self._contains is not None and self._contains not in body:
            return "response: does not contain the expected text"
        if not self._keys:
            return None
        try:
            if not body.isascii():
                body.decode()  # msgspec does not look into the strings that it skips
            answer = self._object.read(body)
        except msgspec.ValidationError:
            return "response: not a JSON object"
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return "response: not JSON"
        return next((f"response: key missing: {key}" for key in self._keys if key not in answer), None)
