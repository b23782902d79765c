"""A certificate for `localhost` that nobody signed, and a server's TLS context for it. Needs the openssl program."""

import subprocess
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext, TLSVersion

__all__ = ["make_certificate", "server_context"]


def make_certificate(folder: Path) -> Path:
    """A file with a new certificate and its key; the certificate is its own authority."""
    request = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    made = subprocess.run(["openssl", *request.split(), "-keyout", "-", "-out", "-"], check=True, capture_output=True)
    path = folder / "both.pem"
    path.write_bytes(made.stdout)
    return path


def server_context(certificate: Path, most: TLSVersion = TLSVersion.TLSv1_3) -> SSLContext:
    """A server that shows this certificate, up to this version of TLS."""
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.maximum_version = most
    return context
