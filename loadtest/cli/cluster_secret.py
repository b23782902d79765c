"""`python -m loadtest.cli.cluster_secret NAME KEY… [, NAME KEY…]`: makes Secrets of random values, if not there yet.

What the Job of k8s/30-secret.yaml runs, with an account that may create Secrets and nothing else: one that exists can
be neither read nor changed by it. Not a command of `loadtest`: outside a pod there is nobody to ask.
"""

import base64
import json
import os
import secrets
import ssl
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["ask_api", "main", "secret_of"]

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where a pod finds its account's token, its namespace and the CA of the API server."""
RANDOM_BYTES = 32
ATTEMPTS = 15
PAUSE_S = 2.0
TIMEOUT_S = 10.0
CREATED, UNAUTHORIZED, FORBIDDEN, CONFLICT = 201, 401, 403, 409


def secret_of(name: str, keys: Sequence[str]) -> dict[str, object]:
    """Return a Secret with a random value for each key, as the API server takes it."""
    values = {key: base64.b64encode(secrets.token_urlsafe(RANDOM_BYTES).encode()).decode() for key in keys}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/part-of": "loadtest"}},
        "type": "Opaque",
        "data": values,
    }


def ask_api(secret: Mapping[str, object], environ: Mapping[str, str], account: Path) -> int:
    """POST the Secret to the API server of this pod; return the HTTP status.

    Raises:
        OSError: it can't be reached, or the account's files are not there.
    """
    host, port = environ["KUBERNETES_SERVICE_HOST"], environ.get("KUBERNETES_SERVICE_PORT") or "443"
    host = f"[{host}]" if ":" in host else host
    namespace = (account / "namespace").read_text("utf-8").strip()
    token = (account / "token").read_text("utf-8").strip()
    request = urllib.request.Request(
        f"https://{host}:{port}/api/v1/namespaces/{namespace}/secrets",
        json.dumps(secret).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    context = ssl.create_default_context(cafile=str(account / "ca.crt"))
    # a proxy that the cluster sets for the way out is not the way to its own API server
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return refusal.code


def main(argv: Sequence[str], environ: Mapping[str, str], account: Path = ACCOUNT, pause_s: float = PAUSE_S) -> int:
    """Make the Secrets; 0: they are there now, 1: one could not be made, 2: not called as it should be."""
    wanted = [part.split() for part in " ".join(argv).split(" , ")]
    if min(map(len, wanted)) < 2 or "KUBERNETES_SERVICE_HOST" not in environ:  # noqa: PLR2004 - a name and a key
        return _say("usage, in a pod: python -m loadtest.cli.cluster_secret NAME KEY… [, NAME KEY…]", 2)
    return max(_make(name, keys, environ, account, pause_s) for name, *keys in wanted)


def _make(name: str, keys: Sequence[str], environ: Mapping[str, str], account: Path, pause_s: float) -> int:
    secret = secret_of(name, keys)
    problem = ""
    for attempt in range(ATTEMPTS):
        time.sleep(pause_s if attempt else 0)  # a network policy may take a moment to know a new pod
        try:
            status = ask_api(secret, environ, account)
        except OSError as failure:
            problem = f"the API server can't be reached: {failure}"
            continue
        if status == CREATED:
            return _say(f"made the Secret {name}: {', '.join(keys)}", 0)
        if status == CONFLICT:
            return _say(f"the Secret {name} exists and was left alone", 0)
        if status in (UNAUTHORIZED, FORBIDDEN):
            return _say(f"this pod's account may not create Secrets (HTTP {status}); see k8s/12-accounts.yaml", 1)
        problem = f"the API server answered HTTP {status}"
    return _say(f"the Secret {name} was not made: {problem}", 1)


def _say(text: str, code: int) -> int:
    print(text, file=sys.stderr if code else sys.stdout, flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
