"""Secrets out of the environment or out of files, and the keys that are derived from the cluster's. No socket."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from loadtest.errors import UsageError

__all__ = [
    "CLUSTER_KEY",
    "WEB_SECRETS",
    "WITHOUT_KEY",
    "ClusterKey",
    "PageSecrets",
    "cluster_key",
    "page_secrets",
    "secret",
    "without_key_allowed",
    "without_login_allowed",
]

CLUSTER_KEY = "LOADTEST_CLUSTER_KEY"
WITHOUT_KEY = "LOADTEST_ALLOW_NO_CLUSTER_KEY"
WITHOUT_LOGIN = "LOADTEST_ALLOW_NO_LOGIN"
WEB_USER = "LOADTEST_WEB_USER"
WEB_PASSWORD = "LOADTEST_WEB_PASSWORD"  # noqa: S105 - a variable's name
WEB_TOKEN = "LOADTEST_WEB_TOKEN"  # noqa: S105 - a variable's name
WEB_SECRETS = (WEB_PASSWORD, WEB_TOKEN)
"""What only a master needs to know."""
USER = "loadtest"
LEAST_PASSWORD = 8
"""Characters of a password: what a person chooses, and may try five times in a row."""
LEAST_LENGTH = 32
"""Characters of a cluster key. A generated one has 43; what a person makes up has fewer."""
LEAST_VARIETY = 8
"""Different characters in it."""
SALT = b"loadtest control port v1"


def secret(environ: Mapping[str, str], name: str) -> str | None:
    """Return what NAME says, else what stands in the file that NAME_FILE names; None where neither is set.

    A file is what orchestrators mount: unlike a variable it shows in no listing. Blanks at its end are not part of it.

    Raises:
        UsageError: the file can't be read or is empty.
    """
    given, file = environ.get(name), environ.get(f"{name}_FILE")
    if given or not file:
        return given or None
    try:
        text = Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not text"
        shown = file if "/" in file else "the file that it names"  # it may be the secret itself, by mistake
        raise UsageError(f"{name}_FILE: {shown} can't be read: {reason}") from None
    if not text:
        raise UsageError(f"{name}_FILE: {file} is empty")
    return text


@dataclass(frozen=True, slots=True)
class ClusterKey:
    """The one secret that master and workers share, and the two CURVE secret keys (32 bytes each) that follow from it.

    Both ends derive both key pairs: a peer that does not know the cluster key knows neither the server's public key nor
    a client key that the master admits. The server's public key is secret, too (rfc.zeromq.org/spec/26).
    """

    server: bytes = field(repr=False)
    client: bytes = field(repr=False)

    @classmethod
    def derive(cls, text: str) -> "ClusterKey":
        """Derive both by HKDF with SHA-256 (RFC 5869): extract once, expand for each role.

        Raises:
            UsageError: the key is so short or uniform that it could be guessed.
        """
        if len(text) < LEAST_LENGTH or len(set(text)) < LEAST_VARIETY:
            raise UsageError(
                f"{CLUSTER_KEY} is too weak: at least {LEAST_LENGTH} characters that nobody can guess;"
                " `loadtest key` makes one"
            )
        extracted = hmac.new(SALT, text.encode(), hashlib.sha256).digest()
        return cls(_expand(extracted, b"server"), _expand(extracted, b"client"))


def _expand(extracted: bytes, info: bytes) -> bytes:
    """The first block of HKDF-Expand: as long as SHA-256's output, which is as long as a CURVE key."""
    return hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()


def cluster_key(environ: Mapping[str, str]) -> ClusterKey | None:
    """Return the cluster's key from LOADTEST_CLUSTER_KEY or LOADTEST_CLUSTER_KEY_FILE; None where neither is set.

    Raises:
        UsageError: it can't be read, or is too weak.
    """
    text = secret(environ, CLUSTER_KEY)
    return None if text is None else ClusterKey.derive(text)


@dataclass(frozen=True, slots=True)
class PageSecrets:
    """Who may log in to the web page, as the environment says it. Neither a password nor a token: nobody was named."""

    user: str
    password: str | None = field(repr=False)
    token: str | None = field(repr=False)

    def __bool__(self) -> bool:
        """Whether there is anything to log in with."""
        return bool(self.password or self.token)


def page_secrets(environ: Mapping[str, str]) -> PageSecrets:
    """Return LOADTEST_WEB_USER, and LOADTEST_WEB_PASSWORD and LOADTEST_WEB_TOKEN or what stands in their files.

    Raises:
        UsageError: one can't be read, or could be guessed.
    """
    password, token = secret(environ, WEB_PASSWORD), secret(environ, WEB_TOKEN)
    if password is not None and len(password) < LEAST_PASSWORD:
        raise UsageError(f"{WEB_PASSWORD} is too short: at least {LEAST_PASSWORD} characters")
    if token is not None and (len(token) < LEAST_LENGTH or len(set(token)) < LEAST_VARIETY or not token.isascii()):
        raise UsageError(
            f"{WEB_TOKEN} is too weak: at least {LEAST_LENGTH} ASCII characters that nobody can guess;"
            " `loadtest key` makes some"
        )
    return PageSecrets(environ.get(WEB_USER) or USER, password, token)


def without_login_allowed(environ: Mapping[str, str]) -> bool:
    """Whether LOADTEST_ALLOW_NO_LOGIN says, in so many words, that anybody who reaches the page may use it.

    Raises:
        UsageError: it says something else than yes or no.
    """
    return _yes(environ, WITHOUT_LOGIN)


def without_key_allowed(environ: Mapping[str, str]) -> bool:
    """Whether LOADTEST_ALLOW_NO_CLUSTER_KEY says, in so many words, that anybody may reach the control port.

    Raises:
        UsageError: it says something else than yes or no.
    """
    return _yes(environ, WITHOUT_KEY)


def _yes(environ: Mapping[str, str], name: str) -> bool:
    said = environ.get(name) or "no"
    if said not in ("yes", "no"):
        raise UsageError(f"{name}: must be yes or no")
    return said == "yes"
