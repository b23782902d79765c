"""support/canaries.py: a search that finds nothing must be one that would have found something."""

import base64
import gzip
import html
import io
import json
import zipfile
import zlib
from urllib.parse import quote

import pytest
from canaries import found_in

from loadtest.results import Record
from loadtest.results.journal import MAGIC, encode

CANARY = 'c4n4ry-9f/+ü"<'


def zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.json", data)
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        f"x={CANARY};".encode(),
        f"/ws?token={quote(CANARY, safe='')}&x".encode(),
        json.dumps({"token": CANARY}).encode(),
        json.dumps({"body": json.dumps({"token": CANARY})}).encode(),
        f"<td>{html.escape(CANARY)}</td>".encode(),
        CANARY.encode().hex().encode(),
        *(base64.b64encode(b"u" * before + b":" + CANARY.encode() + b" after") for before in range(4)),
        *(base64.urlsafe_b64encode(b"u" * before + CANARY.encode()) for before in range(4)),
        zipped(CANARY.encode()),
        zipped(zipped(CANARY.encode())),
        gzip.compress(CANARY.encode()),
        zlib.compress(CANARY.encode()),
    ],
)
def test_a_secret_is_found_however_it_is_written_or_packed(data: bytes) -> None:
    assert len(found_in("file", data, {"c": CANARY, "other": "something else"})) >= 1
    assert not found_in("file", data, {"other": "something else"})


def test_a_secret_is_found_in_a_journal() -> None:
    record = Record("r1", "w1", 0, 0, 0, [], {}, {"g": {f"refused: {CANARY}": 1}}, {}, {})
    assert found_in("records.journal", MAGIC + encode(record), {"c": CANARY})
