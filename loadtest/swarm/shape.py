"""The one LoadTestShape: it only says whether the run is on. The dispatcher follows the plan."""

from typing import ClassVar, Protocol

from locust import LoadTestShape

__all__ = ["ProfileShape", "Stage"]

RATE = 100.0
"""Locust wants a spawn rate, and warns above 100; our dispatcher does not use it."""


class Stage(Protocol):
    """Who knows whether there is a run to do."""

    def begin_if_asked(self) -> tuple[int, bool] | None:
        """(peak users, whether the dispatch has begun) of the run to do; None when there is nothing more to do."""


class ProfileShape(LoadTestShape):
    """Handed to Locust by the locustfile; `stage` is set when the process is wired.

    Locust calls `tick` once a second and starts a dispatch when the answer changes. The same answer throughout a run
    means one dispatch for the whole of it. Locust refuses to start one without workers and would never ask again, so
    the answer alternates until the dispatch has begun.
    """

    use_common_options: ClassVar[bool] = True  # else Locust warns that -u, -r and -t are ignored, which they are not
    stage: Stage | None = None

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._asked = 0

    def tick(self) -> tuple[int, float] | None:
        """(peak users, rate) while the run is on, None to end it."""
        wanted = self.stage.begin_if_asked() if self.stage is not None else None
        if wanted is None:
            return None
        peak, begun = wanted
        if not begun:
            self._asked += 1
        return peak, RATE - self._asked % 2
