"""A plain locustfile: one kind of poller. Run it with

locust -f examples/poller.py --host http://localhost:8000 --headless -u 20 -r 10 -t 15s
"""

from locust import between, task

from loadtest.swarm import RestUser


class Trader(RestUser):
    """Asks for the snapshot, and now and then for alerts."""

    wait_time = between(0.1, 0.5)

    @task(5)
    def snapshot(self) -> None:
        """Check the answer oneself."""
        with self.client.get("/api/market/snapshot", catch_response=True) as response:
            if response.status_code == 200 and "quotes" not in response.json():
                response.failure("no quotes")

    @task(1)
    def alerts(self) -> None:
        """Count every query under one name."""
        self.client.get("/api/market/alerts?limit=50", name="/api/market/alerts")
