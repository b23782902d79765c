"""swarm/http_client: a request whose user has to leave is in the counts."""

import gevent
from support.http_server import Peer, serving

from loadtest.swarm.http_client import Client, Outcome


def test_a_request_whose_user_has_to_leave_is_reported_once_as_unanswered() -> None:
    def never(peer: Peer) -> None:
        peer.read_request()
        peer.wait_closed()

    outcomes: list[Outcome] = []
    with serving(never) as server:
        client = Client(server.url, outcomes.append)
        user = gevent.spawn(client.get, "/slow")
        with gevent.Timeout(10):
            while not server.requests:
                gevent.sleep(0.005)
        user.kill()
        client.close()
    (outcome,) = outcomes
    assert (outcome.status, outcome.error) == (0, "request: unanswered when its user had to leave")
    assert outcome.done > outcome.due
