"""`loadtest check --live`: one user of each group for a few seconds, and a transcript of what went over the wire.

Run as `python -m loadtest.swarm.live` with LOADTEST_PROFILE and LOADTEST_LIVE_SECONDS. Exits 0 if every check held, 1
if one failed, 2 if the profile cannot be used, 4 if nothing answers.
"""

import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from gevent.event import Event

from loadtest import profiles
from loadtest.answers import AnswerInspector
from loadtest.clock import Clock, SystemClock
from loadtest.errors import ConnectFailed, ExitCode, LoadtestError
from loadtest.messages import Inspected, Inspector, Kind
from loadtest.profiles import MASK, Overrides, Profile, Request, RestGroup, WebSocketGroup
from loadtest.swarm.endpoints import connect_options
from loadtest.swarm.http import RequestFailed
from loadtest.swarm.sending import connection_to, request_to
from loadtest.swarm.websocket import Closed, Connection

__all__ = ["Transcript", "main"]

SHOWN = 5
"""Messages of each connection that are printed; the others are counted."""
PREVIEW = 60
"""Characters of a message that are printed."""


class Transcript:
    """Prints what happens and remembers how it went; secrets of the profile never show."""

    def __init__(self, profile: Profile, clock: Clock, say: Callable[[str], None]) -> None:
        secrets = profile.secrets()
        self._secrets = secrets | {quote(secret, safe="") for secret in secrets}  # as they stand in a URL
        self._clock = clock
        self._say = say
        self._began = clock.monotonic()
        self.failed = 0
        self.answered = 0

    def line(self, text: str) -> None:
        """A line with the time since the beginning."""
        self._say(self._masked(f"  {self._clock.monotonic() - self._began:8.3f} s  {text}"))

    def head(self, text: str) -> None:
        """A line without it."""
        self._say(self._masked(text))

    def fail(self, text: str) -> None:
        """A check that failed."""
        self.failed += 1
        self.line(f"✗ {text}")

    def _masked(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text


class Witness:
    """The Receiver of one live subscriber."""

    def __init__(self, group: WebSocketGroup, transcript: Transcript) -> None:
        self.inspector = Inspector(group)
        self.transcript = transcript
        self.kinds: Counter[Kind] = Counter()
        self.closed = Event()
        self.closing = False

    def on_message(self, payload: bytes, text: bool, received: float) -> None:  # noqa: ARG002, FBT001 - the Receiver's signature
        """Print the first few, count all."""
        seen = self.inspector.inspect(payload, text)
        self.kinds[seen.kind] += 1
        shown = payload[:PREVIEW].decode("utf-8", "replace") + ("…" if len(payload) > PREVIEW else "")
        told = f"< {'text' if text else 'binary'} {len(payload):,} bytes {shown}"
        if seen.kind is Kind.BAD:
            self.transcript.fail(f"{told}  → {seen.error}")
        elif self.kinds[seen.kind] <= SHOWN:
            self.transcript.line(f"{told}  → {_meaning(seen)}")

    def on_read(self, waited: float | None) -> None:
        """How long it waited is no matter here."""

    def on_pong(self, rtt: float) -> None:
        """A ping was answered."""
        self.transcript.line(f"< pong after {rtt * 1000:.2f} ms")

    def on_closed(self, end: Closed) -> None:
        """The connection is gone."""
        tell = self.transcript.line if self.closing else self.transcript.fail
        tell(f"closed by {end.by}: {end.name}")
        self.closed.set()


def _meaning(seen: Inspected) -> str:
    parts = [seen.kind.value]
    if seen.send_time is not None:
        parts.append(f"sent at {seen.send_time:.3f}")
    if seen.sequence is not None:
        parts.append(f"sequence {seen.sequence}")
    return ", ".join(parts)


def subscribe(profile: Profile, group: WebSocketGroup, seconds: float, transcript: Transcript) -> None:
    """Connect one subscriber, listen for `seconds`, and close."""
    witness = Witness(group, transcript)
    options = connect_options(profile.target, group, profile.target.urls[0])
    transcript.line(f"> connect {options.url}")
    try:
        connection = Connection.connect(options, witness)
    except ConnectFailed as failure:
        transcript.answered += failure.status is not None
        transcript.fail(failure.name)
        return
    transcript.answered += 1
    transcript.line(f"< upgraded after {connection.connect_s * 1000:.2f} ms")
    for message in group.send:
        transcript.line(f"> {message.payload!r}")
        connection.send(message.payload)
    connection.ping()
    witness.closed.wait(seconds)
    if not witness.closed.is_set():
        witness.closing = True
        connection.close()
        connection.wait_closed(5.0)
    counts = ", ".join(f"{witness.kinds[kind]} {kind.value}" for kind in Kind)
    transcript.line(f"{counts} in {seconds:g} s")
    if not witness.kinds[Kind.DATA]:
        transcript.fail(f"no data in {seconds:g} s: is this the right path, and does the server push now?")


def poll(profile: Profile, group: RestGroup, transcript: Transcript) -> None:
    """Send each request of the group once."""
    target = profile.target
    connection = connection_to(target.urls[0], target, group)
    for spec in group.requests:
        _ask(connection, profile, group, spec, transcript)
    connection.close()


def _ask(connection: Any, profile: Profile, group: RestGroup, spec: Request, transcript: Transcript) -> None:
    transcript.line(f"> {spec.method} {spec.path}")
    try:
        request = request_to(profile.target.urls[0], profile.target, group, spec)
        answer = connection.request(request)
    except (RequestFailed, ValueError) as failure:
        transcript.answered += isinstance(failure, RequestFailed) and not failure.unreachable
        transcript.fail(str(failure))
        return
    transcript.answered += 1
    took = (answer.done - answer.sent) * 1000
    transcript.line(f"< {answer.response.status}, {len(answer.response.body):,} bytes after {took:.2f} ms")
    problem = AnswerInspector(spec.expect).problem(answer.response.status, answer.response.body)
    if problem is not None:
        transcript.fail(problem)


def check(profile: Profile, seconds: float, say: Callable[[str], None]) -> ExitCode:
    """One user of each group, one group after the other."""
    transcript = Transcript(profile, SystemClock(), say)
    transcript.head(f"{profile.name} → {profile.target.urls[0]}")
    for name, group in profile.users.items():
        transcript.head(f" {name} ({group.kind})")
        if isinstance(group, WebSocketGroup):
            subscribe(profile, group, seconds, transcript)
        else:
            poll(profile, group, transcript)
    if not transcript.answered:
        transcript.head(" nothing answers at the target")
        return ExitCode.NO_TARGET
    transcript.head(f" {transcript.failed} checks failed" if transcript.failed else " every check held")
    return ExitCode.FAIL if transcript.failed else ExitCode.PASS


def main(environ: Mapping[str, str], say: Callable[[str], None]) -> ExitCode:
    """Read the environment and run the check."""
    try:
        path = profiles.find(environ.get("LOADTEST_PROFILE", ""), environ)
        profile = profiles.load_file(path, environ, Overrides.from_environ(environ))
    except LoadtestError as problem:
        say(str(problem))
        return problem.exit_code
    return check(profile, float(environ.get("LOADTEST_LIVE_SECONDS") or 5.0), say)


if __name__ == "__main__":
    sys.exit(int(main(os.environ, lambda text: print(text, flush=True))))  # noqa: T201 - the transcript
