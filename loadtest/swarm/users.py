"""Locust users: WebSocketUser and RestUser, subclassed in a plain locustfile or by profile_users.

A user's life is one Locust task. Leaving never blocks: the user is out of Locust's count at once, and its greenlet
finishes (a close handshake, a request in flight) in the session's group of departing users.
"""

import logging
from collections import deque
from collections.abc import Mapping
from typing import Any, ClassVar

from locust import User, task
from locust.env import Environment
from locust.exception import InterruptTaskSet, RescheduleTask, StopTest, StopUser

from gevent import Greenlet
from gevent.event import Event
from gevent.pool import Group

from loadtest.errors import ConnectFailed
from loadtest.profiles import Target, WebSocketGroup
from loadtest.swarm.http_client import Client
from loadtest.swarm.sessions import LocalSession, session_of
from loadtest.swarm.subscribers import Subscribers
from loadtest.swarm.subscription import Subscription
from loadtest.swarm.tls import Resumption

__all__ = ["LoadUser", "RestUser", "WebSocketUser"]

logger = logging.getLogger(__name__)

STUMBLE_S = 1.0
"""How long a user waits after an unexpected exception."""
CLOSE_S = 6.0
"""How long a close handshake may take before the connection is cut; the connection itself gives up after 5 s."""
INBOX = 1000
"""Messages kept for a subclass's on_message; more are counted as queue_overflows and dropped from its view only."""


class LoadUser(User):
    """What both kinds have in common: the session, and leaving without blocking."""

    abstract = True
    target: ClassVar[Target | None] = None
    group_name: ClassVar[str] = ""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.session: LocalSession = session_of(environment)
        self.departing = False
        self.wake = Event()

    def start(self, group: Group) -> Greenlet:
        """Start to live, unless the run is over: a spawn message may be overtaken by the drain."""
        greenlet: Greenlet = super().start(group)
        if self.session.worker.leaving:
            self.depart()
        return greenlet

    def depart(self) -> None:
        """Leave Locust's count now and finish in the background. Never blocks."""
        if self.departing:
            return
        self.departing = True
        self.session.see_off(self)
        self.wake.set()

    def stumble(self, problem: Exception) -> None:
        """A bug, ours or a subclass's: count it by name, tell Locust, and do not spin. Locust runs the task again."""
        group = self.group_name or type(self).__name__
        self.session.worker.recorder.error(group, f"internal error: {type(problem).__name__}")
        logger.error("%s: unexpected %r", group, problem, exc_info=problem)
        self.environment.events.user_error.fire(user_instance=self, exception=problem, tb=problem.__traceback__)
        self.pause(STUMBLE_S)

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than until the user is asked to leave."""
        clock = self.session.worker.clock
        deadline = clock.monotonic() + seconds
        while not self.departing and (left := deadline - clock.monotonic()) > 0:
            self.wake.clear()
            self.wake.wait(left)  # a message or a closed connection wakes it as well

    @classmethod
    def base_url(cls) -> str:
        """The `host` of a plain locustfile's user.

        Raises:
            StopTest: there is none.
        """
        if not cls.host:
            raise StopTest(f"{cls.__name__} has no target: set its `host`, or give --host http://HOST:PORT")
        return cls.host.rstrip("/")

    @classmethod
    def target_spec(cls) -> Target:
        """The profile's target, or one made of the `host`."""
        return cls.target or Target.model_validate({"url": cls.base_url(), "clock": None})


class WebSocketUser(LoadUser):
    """A subscriber: connects, receives, reconnects, and leaves with a close frame.

    In a plain locustfile, subclass it with a `ws_path`, `settings` as in a profile and, if you want the messages, an
    `on_message`; what that has not seen when the connection ends counts as queue_overflows. From a profile,
    `spec`, `target` and `group_name` are set instead.
    """

    abstract = True
    ws_path: ClassVar[str] = "/"
    settings: ClassVar[Mapping[str, Any]] = {}
    """More keys of a profile's WebSocket group, such as not_data, send_time, silence or session."""
    spec: ClassVar[WebSocketGroup | None] = None

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.shared: Subscribers = self.session.subscribers(type(self))
        self.due: int | None = None
        self.away_since: float | None = None
        """When its session ended; None while it has one, and before the first."""
        self.subscription: Subscription | None = None
        self.inbox: deque[str | bytes] | None = None
        if type(self).on_message is not WebSocketUser.on_message:
            self.inbox = deque(maxlen=INBOX)

    @classmethod
    def group_spec(cls) -> WebSocketGroup:
        """The profile's group, or one made from the class's attributes."""
        return cls.spec or WebSocketGroup.model_validate({"websocket": cls.ws_path, **cls.settings})

    def on_open(self) -> None:
        """Called in the user's greenlet after each connect; for instance to `self.send(...)`."""

    def on_message(self, data: str | bytes) -> None:
        """Called in the user's greenlet with each message, text as str; costs nothing unless overridden."""

    def send(self, message: str | bytes) -> None:
        """Send one message on the open connection."""
        if self.subscription is not None:
            self.subscription.connection.send(message)
            self.shared.tally.sent += 1

    @task
    def live(self) -> None:
        """The whole life: sessions one after the other until asked to leave."""
        shared = self.shared
        shared.users += 1
        endpoint = shared.endpoint()
        failures = 0
        resumption = Resumption()
        try:
            while not self.departing:
                try:
                    self.subscription = shared.subscribe(endpoint, self.wake.set, self.due, resumption)
                except ConnectFailed:
                    failures += 1
                    self._back_off(failures)
                    continue
                self._came_back()
                planned, full = self._converse(self.subscription)
                failures = 0 if planned else failures + 1
                if not self.departing:
                    self._between_sessions(failures, full=full)
        except (StopUser, StopTest, RescheduleTask, InterruptTaskSet):
            raise  # how a subclass tells Locust what to do next
        except Exception as problem:  # noqa: BLE001 - an edge: on_message may be anybody's code
            self._hang_up()
            self.stumble(problem)
            if not self.departing:
                return
        finally:
            self._hang_up()
            if self.away_since is not None and failures:
                shared.returns.fail()  # it tried, and did not come back until it was asked to leave
            shared.users -= 1
        raise StopUser

    def _came_back(self) -> None:
        if self.away_since is not None:
            self.shared.returns.record(self.shared.session.clock.monotonic() - self.away_since)
            self.away_since = None

    def _converse(self, subscription: Subscription) -> tuple[bool, bool]:
        """One session on an open connection: (whether it ended as planned, whether it got all its messages)."""
        if self.inbox is not None:
            subscription.inbox = self._deliver
        for message in self.shared.group.send:
            self.send(message.payload)
        self.on_open()
        clock, ends_in = self.shared.session.clock, self.shared.comings.ends_in()
        until = None if ends_in is None else clock.monotonic() + ends_in
        while subscription.closed is None and not self.departing and not subscription.is_full:
            self.wake.clear()
            self._hand_over()
            left = None if until is None else until - clock.monotonic()
            if left is not None and left <= 0:
                break
            if subscription.closed is None and not self.departing and not self.inbox:
                self.wake.wait(left)
        planned = subscription.closed is None
        self.away_since = clock.monotonic()
        self._hang_up()
        return planned, subscription.is_full

    def _hang_up(self) -> None:
        """End the session, if there is one; messages that on_message has not seen by now are counted."""
        if self.subscription is not None:
            self.subscription.hang_up(CLOSE_S)
            self.due, self.subscription = self.subscription.due, None
        if self.inbox:
            self.shared.tally.queue_overflows += len(self.inbox)
            self.inbox.clear()

    def _deliver(self, payload: bytes, text: bool) -> None:  # noqa: FBT001 - called by the Receiver
        inbox = self.inbox
        if inbox is None:
            return
        if len(inbox) == INBOX:
            self.shared.tally.queue_overflows += 1
        inbox.append(payload.decode("utf-8", "replace") if text else payload)
        self.wake.set()

    def _hand_over(self) -> None:
        """Call on_message with what waits: at most as many as wait now, and none once the user is to leave."""
        for _ in range(len(self.inbox or ())):
            if self.inbox and not self.departing:
                self.on_message(self.inbox.popleft())

    def _between_sessions(self, failures: int, *, full: bool) -> None:
        if self.shared.group.session.reconnect is False:
            self.away_since = None  # nobody is to come back
            self.pause_until_departure()
        elif failures:
            self._back_off(failures)
        else:
            self.pause(self.shared.comings.next_in(full=full))
            if full and not self.departing:
                self.away_since = self.shared.session.clock.monotonic()  # until now it was to stay away

    def _back_off(self, failures: int) -> None:
        if self.shared.group.session.reconnect is False:
            self.pause_until_departure()
        else:
            self.pause(self.shared.comings.backoff(failures))

    def pause_until_departure(self) -> None:
        """This user is done; it stays in the count until asked to leave."""
        while not self.departing:
            self.pause(60.0)


class RestUser(LoadUser):
    """A poller. In a plain locustfile, subclass it with `@task` methods that use `self.client`."""

    abstract = True
    full_client: ClassVar[bool] = False
    """Follow redirects, keep cookies, send files: FastHttpUser's user agent under the same surface, at its cost."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.client: Client = self.session.client(self)

    def depart(self) -> None:
        """Leave: a task in flight finishes, a waiting user goes at once."""
        if self.departing:
            return
        super().depart()
        self.stop(force=False)

    def on_stop(self) -> None:
        """Close the connection."""
        self.client.close()
