"""A plain locustfile: one kind of subscriber. Run it with

locust -f examples/subscriber.py --host http://localhost:8000 --headless -u 20 -r 10 -t 15s
"""

import json
from typing import ClassVar

from loadtest.swarm import WebSocketUser


class PriceWatcher(WebSocketUser):
    """Subscribes to prices and looks at each message. Without `on_message`, messages are only counted and timed."""

    ws_path = "/ws/index"
    settings: ClassVar = {"not_data": [{"binary": True}, {"keys": ["type"]}]}  # any key of a profile's group

    def on_open(self) -> None:
        """Called after each connect, in this user's own greenlet."""
        self.seen = 0

    def on_message(self, data: str | bytes) -> None:
        """Called with each message, text as str."""
        if isinstance(data, str) and "VN30" in json.loads(data):
            self.seen += 1
