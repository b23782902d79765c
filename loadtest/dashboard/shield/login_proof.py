"""What one logs in with, kept so that reading this process's memory does not give it away."""

import hashlib
import hmac
import secrets

__all__ = ["Password", "Token"]

SALT_BYTES = 16
COST, BLOCK, LANES = 1 << 14, 8, 1
"""scrypt's N, r and p (RFC 7914): 16 MiB and some 50 ms each time."""


class Password:
    """A user and a password, as scrypt's hash."""

    def __init__(self, user: str, password: str) -> None:
        self.user = user
        self._salt = secrets.token_bytes(SALT_BYTES)
        self._hash = self._stretched(password)

    def fits(self, user: str, password: str) -> bool:
        """Whether these are they. Takes as long whatever is wrong; some 50 ms, so not on an event loop."""
        same_user = hmac.compare_digest(user.encode(), self.user.encode())
        return hmac.compare_digest(self._stretched(password), self._hash) and same_user

    def _stretched(self, password: str) -> bytes:
        return hashlib.scrypt(password.encode(), salt=self._salt, n=COST, r=BLOCK, p=LANES)


class Token:
    """A random token. Nobody can guess it, so a plain hash is enough."""

    def __init__(self, token: str) -> None:
        self._hash = _digest(token)

    def fits(self, token: str) -> bool:
        """Whether this is it."""
        return hmac.compare_digest(_digest(token), self._hash)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="replace")).digest()
