"""HTTP requests of plain locustfiles into the recorder, whoever made them."""

from typing import Any

from locust.env import Environment

from loadtest.swarm.http_client import Outcome
from loadtest.swarm.recorder import Recorder

__all__ = ["RequestLog"]

FOREIGN = "locust"
"""The group of requests made by users that are not ours (HttpUser, FastHttpUser)."""
OURS = "loadtest_recorded"
"""In the context of a `request` event that we fired ourselves, for listeners of the user's own."""


class RequestLog:
    """Records our clients' outcomes, and `request` events that other clients fire.

    Whoever registers a `request` listener gets an event for each request of ours as well; without one, none is fired.
    """

    def __init__(self, environment: Environment, recorder: Recorder) -> None:
        self._event = environment.events.request
        self._recorder = recorder
        self._event.add_listener(self._on_request)

    def record(self, group: str, outcome: Outcome) -> None:
        """One request of a RestUser."""
        name = f"{outcome.method} {outcome.name}"
        recorder = self._recorder
        tally = recorder.tally(group)
        tally.requests += 1
        service = recorder.meter(group, "rest", "service", name)
        response = recorder.meter(group, "rest", "response", name)
        if outcome.status:
            service.record(outcome.done - outcome.sent)
            response.record(outcome.done - outcome.due)
        else:
            service.count += 1
            response.count += 1
        for meter in (service, response):
            meter.size += outcome.length
        if outcome.error is not None:
            tally.requests_failed += 1
            service.failures += 1
            response.failures += 1
            recorder.error(group, outcome.error)
        if self.heard:
            self.tell(outcome)

    @property
    def heard(self) -> bool:
        """Whether somebody but us listens to `request` events; without that, none is fired."""
        return len(self._event._handlers) > 1  # noqa: SLF001 - nothing public says so

    def tell(self, outcome: Outcome) -> None:
        """Fire a `request` event, which costs more than the request itself."""
        self._event.fire(
            request_type=outcome.method,
            name=outcome.name,
            response_time=(outcome.done - outcome.due) * 1000,
            response_length=outcome.length,
            exception=outcome.exception,
            context={**outcome.context, OURS: True},
            response=outcome.response,
            url=outcome.url,
        )

    def _on_request(
        self,
        request_type: str,
        name: str,
        response_time: float | None,
        response_length: int,
        exception: BaseException | None = None,
        **rest: Any,
    ) -> None:
        if (rest.get("context") or {}).get(OURS):
            return
        recorder = self._recorder
        tally = recorder.tally(FOREIGN)
        tally.requests += 1
        meter = recorder.meter(FOREIGN, "rest", "response", f"{request_type} {name}")
        meter.size += response_length or 0
        if response_time is None:
            meter.count += 1
        else:
            meter.record(response_time / 1000)
        if exception is not None:
            tally.requests_failed += 1
            meter.failures += 1
            recorder.error(FOREIGN, f"{request_type}: {type(exception).__name__}")
