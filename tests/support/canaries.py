"""Secrets that are easy to find again, and the search for them in everything that a run leaves."""

import base64
import html
import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

from loadtest.results.journal import Reader

__all__ = ["found_below", "found_in", "readings", "spellings"]


def spellings(canary: str) -> Iterator[bytes]:
    """How a secret may be written: plain, in a URL, in HTML, in JSON (or in JSON within JSON), in base64, in hex."""
    plain = canary.encode()
    yield plain
    yield plain.hex().encode()
    yield quote(canary, safe="").encode()
    yield quote_plus(canary).encode()
    yield html.escape(canary).encode()
    for ascii_only in (True, False):
        once = json.dumps(canary, ensure_ascii=ascii_only)[1:-1]
        yield once.encode()
        yield json.dumps(once, ensure_ascii=ascii_only)[1:-1].encode()
        yield html.escape(once).encode()
    for before in range(
        3
    ):  # of three positions to begin at, RFC 4648 makes three texts; their ends depend on neighbours
        text = base64.b64encode(b"\0" * before + plain)
        inner = text[-(-before * 8 // 6) : -4]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))


def readings(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """(where, bytes): the file itself, and what is packed in it: an archive's members, deflated bytes, a journal."""
    yield name, data
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.namelist():
                yield from readings(f"{name}!{member}", archive.read(member))
    elif name.endswith(".journal"):
        for number, entry in enumerate(Reader().feed(data)):
            yield f"{name}#{number}", repr(entry).encode()
    elif data[:2] in (b"\x1f\x8b", b"\x78\x01", b"\x78\x9c", b"\x78\xda"):
        yield f"{name} inflated", zlib.decompress(data, zlib.MAX_WBITS | 32)


def found_in(name: str, data: bytes, canaries: Mapping[str, str]) -> list[str]:
    """`which canary in what`, for each that is there in any spelling."""
    return sorted(
        {
            f"{which} in {where}"
            for where, text in readings(name, data)
            for which, canary in canaries.items()
            if any(spelling in text for spelling in spellings(canary))
        }
    )


def found_below(folder: Path, canaries: Mapping[str, str]) -> list[str]:
    """The same for every file below a folder."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [hit for path in files for hit in found_in(str(path.relative_to(folder)), path.read_bytes(), canaries)]
