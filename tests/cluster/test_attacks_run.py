"""A real master in the middle of a run, and everything that strangers try on its two ports.

All tests attack the same run; the last one ends it and compares its counts with the backend's.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import yaml
from chaos import assert_no_traceback, journal_of, market
from programs import Cluster, Server, assert_counts_equal, demo_backend, free_port, reachable, read_run, until
from strangers import GREETING, Peer, ask, descriptors, half_open, nonsense, send

from loadtest.cli.key import new_key
from loadtest.results import Record

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

USERS = 20
CANARY = "canary-of-a-token"
PASSWORD = "correct horse"  # noqa: S105 - this test's own
PROFILE = {
    "name": "besieged",
    "target": {"url": "demo", "clock": "/time"},
    "users": {
        "subscribers": {
            "websocket": "/ws/market",
            "count": USERS,
            "not_data": [{"binary": True}, {"keys": ["type"]}],
            "send_time": {"field": "server_time"},
        },
        "pollers": {"count": 4, "pace": {"every": "200ms"}, "requests": [{"get": "/api/market/snapshot"}]},
    },
    "load": [{"ramp": USERS + 4, "over": "1s"}, {"hold": "20m"}],
    "slo": ["errors < 1%"],
}


class Siege:
    """A master with a page, a key and a password, two workers, and a run that is on."""

    def __init__(self, cluster: Cluster, backend: Server, page: int, key: str, token: str) -> None:
        self.cluster = cluster
        self.backend = backend
        self.page = page
        self.key = key
        self.bearer = {"Authorization": f"Bearer {token}"}
        self.port = int(cluster.environ["LOADTEST_MASTER_PORT"])
        self.master = cluster.start("master", "--autostart", "--autoquit", "0", "--expect-workers", "2")
        self.workers = [cluster.start("worker") for _ in range(2)]

    def status(self) -> dict[str, Any]:
        answer = ask(self.page, "GET", "/api/v1/status", self.bearer)
        assert answer.status == 200, answer
        return dict(json.loads(answer.body))

    def names(self) -> list[str]:
        """The workers that the master knows."""
        return sorted(worker["name"] for worker in self.status()["workers"])

    def refused(self) -> Counter[str]:
        """Why -> how often the master has turned somebody away, on either port."""
        text = ask(self.page, "GET", "/metrics", self.bearer).body.decode()
        found = re.findall(r'^loadtest_refused_total{.*why="([^"]+)"} ([0-9.e+]+)$', text, re.MULTILINE)
        return Counter({why: int(float(count)) for why, count in found})

    def is_on(self) -> bool:
        """All users are connected, and those of the page say so."""
        return market(self.backend)[1] == USERS and self.status()["state"] == "running"


@pytest.fixture(scope="module")
def siege(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Siege]:
    folder = tmp_path_factory.mktemp("siege")
    profile = folder / "profiles" / "besieged.yaml"
    profile.parent.mkdir()
    profile.write_text(yaml.safe_dump(PROFILE))
    key, token, page = new_key(), new_key(), free_port()
    environ = {
        "LOADTEST_CLUSTER_KEY": key,
        "LOADTEST_WEB_PORT": str(page),
        "LOADTEST_WEB_PASSWORD": PASSWORD,
        "LOADTEST_WEB_TOKEN": token,
    }
    with demo_backend() as backend, Cluster(folder, profile, backend.url, **environ) as cluster:
        made = Siege(cluster, backend, page, key, token)
        until(lambda: reachable(f"http://127.0.0.1:{page}/healthz"), "the page")
        until(made.is_on, "the run to be on")
        yield made


def log_in(siege: Siege, source: str = "127.0.0.1") -> dict[str, str]:
    """The cookie of a person who logs in."""
    answer = ask(siege.page, "POST", "/login", {}, source, user="loadtest", password=PASSWORD)
    assert answer.status == 303, answer
    return {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}


def test_half_open_connections_by_the_thousand_on_both_ports_keep_nobody_out(siege: Siege) -> None:
    usual = descriptors(siege.master.pid)
    half_requests = {"silent": b"", "half a request": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-"}
    half_greetings = {"silent": b"", "half a greeting": GREETING[:11], "a whole one": GREETING, "garbage": b"\1" * 9}
    with ExitStack() as stack:
        stack.enter_context(half_open(siege.page, half_requests, 500))  # all of one address
        stack.enter_context(half_open(siege.page, half_requests, 500, sources=20))
        stack.enter_context(half_open(siege.port, half_greetings, 250))
        for source in ("127.0.0.1", "127.0.0.10", "127.0.0.99"):  # the attackers' own, too
            answer = ask(siege.page, "GET", "/healthz", {}, source)
            assert (answer.status, answer.body) == (200, b"ok\n")
        cookie = log_in(siege)
        assert ask(siege.page, "GET", "/api/v1/status", cookie).status == 200
        third = siege.cluster.start("worker")
        until(lambda: len(siege.names()) == 3, "a third worker to join")
        assert descriptors(siege.master.pid) < usual + 512 + 1000 + 50
        assert siege.is_on()
    until(lambda: descriptors(siege.master.pid) < usual + 50, "their descriptors to be free")
    assert third.poll() is None
    refused = siege.refused()
    assert refused["in favour of others of their address"] >= 1000 - 64
    assert refused["a peer that did not shake hands"] + refused["a peer without the cluster key"] >= 500
    assert "connections to the page were closed" in siege.cluster.logs()


def test_a_false_worker_can_neither_register_nor_listen_nor_report(siege: Siege) -> None:
    (captured,) = records(siege)[-1:]
    genuine = captured.worker
    before = siege.names()
    peers = [Peer(siege.port, "false"), Peer(siege.port, "false", new_key()), Peer(siege.port, genuine, new_key())]
    for peer in peers:
        for kind, data in (("client_ready", "2.47.0"), ("loadtest.hello", {}), ("locustfile", None), ("quit", None)):
            peer.say(kind, data)
        peer.say("loadtest.records", [captured.to_wire()], genuine)
    heard = siege.refused()["a peer without the cluster key"]
    until(lambda: siege.refused()["a peer without the cluster key"] >= heard + len(peers), "they try again and again")
    assert [peer.hears(100) for peer in peers] == [[], [], []]
    for peer in peers:
        peer.close()
    assert siege.names() == before
    assert siege.is_on()


def records(siege: Siege) -> list[Record]:
    """Genuine Records of the run that is on, as the master has them on disk."""
    return [entry for entry in journal_of(siege.cluster) if isinstance(entry, Record)]


def test_whatever_a_mad_worker_with_the_key_says_is_dropped_and_counted(siege: Siege) -> None:
    mad = Peer(siege.port, "mad", siege.key)
    until(lambda: answers(mad), "the master to hear it")
    before = siege.refused()
    for frames in ([b"\xc1\xff"], [b""], [b"\x91" * 100_000], [b"\xff" * 2**20], [b"x", b"y"]):
        mad.socket.send_multipart(frames)
    for kind, data in MAD:
        assert mad.say(kind, data)
    captured = records(siege)[-1]
    mad.say("heartbeat", {"state": "running", "current_cpu_usage": 1.0}, captured.worker)
    mad.say("loadtest.records", "nonsense")
    mine = captured.to_wire() | {"worker": "mad"}
    refused = [captured.to_wire(), mine, mine | {"run": "another"}]  # another's; of one that takes no part; of no run
    absurd = [{"counters": {"g": {"messages": n}}} for n in (2**63, -1, 1.5)]
    absurd += [{"serial": -1}, {"second": 2**40}, {"health": {"cpu": float("nan")}}, {"series": [[1, 2, 3]]}]
    mad.say("loadtest.records", [*refused, *(mine | wrong for wrong in absurd), {}, "nonsense"])
    until(lambda: answers(mad), "it is still heard, and so are others")
    mad.close()
    counted = siege.refused() - before
    for late in ("a peer without the cluster key", "a peer that did not shake hands"):
        counted.pop(late, None)  # others' connections may still be ending
    assert counted == {
        "bytes that are no message": 4,
        "the wrong number of frames": 1,
        "a message that is not what its kind says": 5,
        "a message of a kind that is not known here": 2,
        "a message without a kind": 2,
        "a worker that speaks for another": 1,
        "a message of ours that is malformed": 3 + 1 + len(absurd) + 2,
        "a Record of another run, or of a worker that takes no part": len(refused),
    }
    assert siege.is_on()


MAD = [
    ("heartbeat", None),
    ("heartbeat", {"state": 5, "current_cpu_usage": "hot"}),
    ("spawning_complete", {"user_classes_count": {"x": -1}}),
    ("exception", {"msg": 5}),
    ("stats", []),
    ("locustfile", {"version": "2.47.0"}),
    ("nonsense", 1),
    (5, None),
    (["heartbeat"], None),
    ("loadtest.hello", {"protocol": -1}),
    ("loadtest.leaving", [1]),
    ("loadtest.clockask", {"asked": "now"}),
]


def answers(peer: Peer) -> bool:
    """Whether the master answers what it may ask."""
    peer.say("loadtest.clockask", {"asked": 1.0})
    return "loadtest.clocktell" in peer.hears(500)


def test_a_genuine_record_that_is_sent_again_in_its_workers_name_changes_nothing(siege: Siege) -> None:
    malformed = "a message of ours that is malformed"
    captured, before = records(siege)[-1], siege.refused()[malformed]
    twin = Peer(siege.port, captured.worker, siege.key)  # takes the worker's place, and that takes it back
    twin.say("loadtest.records", [captured.to_wire()] * 200 + ["the last one was heard when this one is counted"])
    until(lambda: siege.refused()[malformed] == before + 1, "the master to hear it")
    twin.close()
    until(lambda: has_come_back(siege, captured), "the worker to be heard again, and all that it said meanwhile")
    assert siege.is_on()


def has_come_back(siege: Siege, since: Record) -> bool:
    """A worker that is not heard looks for its master after 5 s. If that gave it up first, it begins a new life."""
    told = [record for record in records(siege) if record.worker == since.worker]
    latest = max(record.incarnation for record in told)
    ended = {record.incarnation for record in told if record.final}
    return ended == set(range(latest)) and max(record.second for record in told) > since.second + 8


def test_another_sites_page_can_neither_stop_nor_start_nor_read_with_a_persons_cookie(siege: Siege) -> None:
    cookie = log_in(siege, "127.0.0.3")
    elsewhere = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
    start = {"load_profile": "besieged", "user_count": "1", "spawn_rate": "1"}
    for headers in (cookie | elsewhere, cookie, elsewhere, {"Origin": "http://evil.example"} | cookie):
        assert ask(siege.page, "POST", "/stop", headers).status in (401, 403)
        assert ask(siege.page, "GET", "/stop", headers).status in (303, 401, 403, 405)
        assert ask(siege.page, "POST", "/swarm", headers, **start).status in (401, 403)
    answer = ask(siege.page, "GET", "/api/v1/status", cookie | {"Origin": "http://evil.example"})
    assert answer.status == 200
    assert [name for name in answer.headers if name.lower().startswith("access-control-")] == []
    assert ask(siege.page, "GET", "/healthz", {"Host": "rebound.example"}).status == 403
    page = ask(siege.page, "GET", "/", cookie)
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self' 'nonce-")
    assert (page.headers["X-Frame-Options"], page.headers["X-Content-Type-Options"]) == ("DENY", "nosniff")
    assert siege.is_on()


def test_who_may_start_a_run_can_set_only_what_the_form_offers_and_aim_where_the_profile_does(siege: Siege) -> None:
    start = {"load_profile": "besieged", "user_count": "1", "spawn_rate": "1"}
    for more in ({"master_bind_host": "0.0.0.0"}, {"csv_prefix": "elsewhere"}, {"stop_timeout": "9"}):
        assert ask(siege.page, "POST", "/swarm", siege.bearer, **start, **more).status == 400
    for host in ("http://victim.example", f"{siege.backend.url}, http://victim.example"):
        assert ask(siege.page, "POST", "/swarm", siege.bearer, **start, host=host).status == 403
    assert ask(siege.page, "POST", "/user", siege.bearer, user_class_name="subscribers").status == 403
    assert siege.is_on()


def test_requests_made_of_nonsense_are_no_error_of_the_masters_and_leave_nothing_in_its_log(siege: Siege) -> None:
    chance = random.Random(6)
    answers = Counter(send(siege.page, nonsense(chance, CANARY))[9:12] for _ in range(400))
    assert answers[b"400"] > 50, answers
    assert answers[b"401"] > 10, answers
    assert not answers.keys() & {b"500", b"502", b"503"}, answers
    logs = siege.cluster.logs()
    assert CANARY not in logs
    assert "Traceback" not in logs, logs
    assert siege.is_on()


def test_guesses_of_the_password_are_limited_and_keep_other_addresses_in(siege: Siege) -> None:
    cookie = log_in(siege, "127.0.0.4")
    guesses = [ask(siege.page, "POST", "/login", {}, "127.0.0.5", password=f"guess {n}") for n in range(8)]
    assert [answer.status for answer in guesses[:5]] == [401] * 5
    assert 429 in [answer.status for answer in guesses[5:]]
    assert ask(siege.page, "POST", "/login", {}, "127.0.0.5", password=PASSWORD).status in (303, 429)
    assert ask(siege.page, "GET", "/", cookie, "127.0.0.4").status == 200
    tokens = [ask(siege.page, "GET", "/metrics", {"Authorization": f"Bearer {n}"}, "127.0.0.6") for n in range(8)]
    assert {answer.status for answer in tokens} == {401, 429}
    assert ask(siege.page, "GET", "/metrics", siege.bearer, "127.0.0.6").status == 200


def test_the_run_that_went_on_meanwhile_ends_with_the_backends_counts(siege: Siege) -> None:
    assert ask(siege.page, "POST", "/stop", siege.bearer).status == 200
    assert siege.master.wait(60) == 0, siege.cluster.logs()
    assert [worker.wait(30) for worker in siege.workers] == [0, 0]
    run = read_run(0, siege.cluster.logs(), siege.cluster.out)
    assert run.summary["verdict"] == "pass", run.output
    assert run.summary["errors"] == []
    # the one whose place was taken for a moment may have been given up, and has handed over all that it counted
    assert [loss for loss in run.summary["lost"] if not loss["handed_over"]] == []
    assert all(worker["complete"] for worker in run.summary["workers"])
    assert_counts_equal(run, siege.backend.stats(), {"subscribers": "market"})
    assert_no_traceback(siege.cluster)
    assert siege.key not in run.output
