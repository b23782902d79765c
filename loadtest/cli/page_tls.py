"""TLS of the web page: the certificate is tried before anything is started. With half of it Locust serves in clear."""

import ssl
from collections.abc import Mapping

from loadtest.errors import UsageError

__all__ = ["TLS_CERT", "TLS_KEY", "page_scheme", "tls_options"]

TLS_CERT = "LOADTEST_TLS_CERT"
TLS_KEY = "LOADTEST_TLS_KEY"


def page_scheme(environ: Mapping[str, str]) -> str:
    """Return what the page's URL begins with."""
    return "https" if environ.get(TLS_CERT) else "http"


def tls_options(environ: Mapping[str, str]) -> list[str]:
    """Return Locust's options for the page's certificate; none without one.

    Raises:
        UsageError: certificate and key are not both there, can't be read or don't belong together.
    """
    certificate, key = environ.get(TLS_CERT), environ.get(TLS_KEY)
    if not certificate and not key:
        return []
    if not certificate or not key:
        missing, given = (TLS_CERT, "key") if key else (TLS_KEY, "certificate")
        raise UsageError(f"TLS needs both: a {given} is given, and {missing} (or its option) names no file")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_no_passphrase)
    except ssl.SSLError as problem:
        what = problem.reason or "not PEM"
        raise UsageError(f"TLS: {certificate} and {key} are no certificate and its key: {what}") from None
    except (OSError, ValueError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else str(problem)
        raise UsageError(f"TLS: {certificate} or {key} can't be read: {reason}") from None
    return ["--tls-cert", certificate, "--tls-key", key]


def _no_passphrase() -> str:
    """Keep OpenSSL from asking at the terminal."""
    raise ValueError("the key has a passphrase, and there is nobody to ask")
