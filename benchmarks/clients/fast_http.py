"""FastHttpUser, as Locust's documentation shows it; the body is not checked, which is in its favour.

`python -m benchmarks.clients.fast_http PORT`; commands: connect N, report.
"""

import sys
from typing import Any

from locust import FastHttpUser, constant, task
from locust.env import Environment

import gevent

from benchmarks.clients.control import serve
from loadtest.swarm.health import raise_descriptor_limit


class Fast(FastHttpUser):
    """One keep-alive connection, one request after the other."""

    host = f"http://127.0.0.1:{sys.argv[1]}"
    wait_time = constant(0)

    @task
    def quotes(self) -> None:
        """One request."""
        self.client.get("/quotes")


environment = Environment(user_classes=[Fast])
runner = environment.create_local_runner()


def connect(users: int) -> dict[str, int]:
    """Start so many users."""
    runner.spawn_users({"Fast": users}, wait=False)
    gevent.sleep(0.5)
    return {"open": runner.user_count}


def report() -> dict[str, Any]:
    """What Locust counted."""
    total = environment.stats.total
    return {"counters": {"requests": total.num_requests, "requests_failed": total.num_failures}, "errors": {}}


raise_descriptor_limit()
serve({"connect": connect, "report": report})
