"""The application for `uvicorn backend.app:app`, with settings from the environment: see `backend.settings`.

Under plain uvicorn its own options decide about the access log, its WebSocket pings (`--ws-ping-interval`) and
compression (`--ws-per-message-deflate`); `python -m backend` chooses them for load tests.
"""

import os

from backend.application import Backend
from backend.settings import Settings

__all__ = ["app"]

app = Backend(Settings.from_environ(os.environ))
