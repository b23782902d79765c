"""A backend that writes down everything it is sent, which proves that it was sent, and throws secrets back.

    python tests/support/witness_backend.py FILE

It prints `listening on http://127.0.0.1:PORT`. FILE gets a line of JSON for each request, handshake and message. Every
answer has the request's headers in it; `/denied` is answered 401 and `/broken` 500; a handshake of `/ws/denied` is
refused, and a connection to `/ws/rude` is closed after 1 s with a reason that quotes what it was sent.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import uvicorn

STATUS = {"/denied": 401, "/broken": 500}
EVERY_S = 0.2


class Witness:
    """The ASGI application."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("a", buffering=1)

    def _note(self, scope: Any, **more: str) -> dict[str, Any]:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        seen = {"path": scope["path"], "query": scope["query_string"].decode(), "headers": headers, **more}
        self._file.write(json.dumps(seen) + "\n")
        return seen

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._push(scope, receive, send)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        seen = self._note(scope, body=body.decode())
        status = STATUS.get(scope["path"], 200)
        headers = [(b"content-type", b"application/json"), (b"set-cookie", b"session=1")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(seen).encode()})

    async def _push(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        seen = self._note(scope)
        if scope["path"] == "/ws/denied":
            await send({"type": "websocket.close", "code": 1008, "reason": json.dumps(seen)[:120]})
            return
        await send({"type": "websocket.accept"})
        listening = asyncio.get_running_loop().create_task(self._listen(scope, receive))
        began, number = time.monotonic(), 0
        while not listening.done():
            number += 1
            await send({"type": "websocket.send", "text": json.dumps({"at": time.time(), "n": number})})
            if scope["path"] == "/ws/rude" and time.monotonic() - began > 1.0:
                listening.cancel()
                await send({"type": "websocket.close", "code": 4001, "reason": scope["query_string"].decode()[:120]})
                return
            await asyncio.wait([listening], timeout=EVERY_S)

    async def _listen(self, scope: Any, receive: Any) -> None:
        while (message := await receive())["type"] == "websocket.receive":
            self._note(scope, message=message.get("text") or "")


class Server(uvicorn.Server):
    """Says where it listens, as the demo backend does."""

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        port = self.servers[0].sockets[0].getsockname()[1]
        sys.stdout.write(f"listening on http://127.0.0.1:{port}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    config = uvicorn.Config(Witness(Path(sys.argv[1])), host="127.0.0.1", port=0, lifespan="off", log_level="error")
    Server(config).run()
