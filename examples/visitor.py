"""A plain locustfile: a visitor whose redirects are followed and whose cookies are kept. Run it with

locust -f examples/visitor.py --host http://localhost:8000 --headless -u 20 -r 10 -t 15s
"""

from locust import between, task

from loadtest.swarm import RestUser


class Visitor(RestUser):
    """Looks at the list, and then at what is in it. A shop's visitor would log in first, in `on_start`."""

    full_client = True
    wait_time = between(0.1, 0.5)

    @task
    def browse(self) -> None:
        """Two requests in a row, on one connection, with the same cookies."""
        symbols = self.client.get("/api/vn30-components").json()["symbols"]
        with self.client.get("/api/market/volume-stats", catch_response=True) as response:
            if response.ok and len(response.json()["stats"]) != len(symbols):
                response.failure("not one row for each symbol")
