"""results/ledger.py: where every connection went."""

from loadtest.results import Ledger


def test_what_is_left_over_is_pending_or_open_and_what_we_did_not_close_is_lost() -> None:
    ledger = Ledger(
        attempted=20,
        established=12,
        failed=3,
        cancelled=1,
        closed_by_us=4,
        closed_by_server=2,
        closed_by_network=1,
    )
    assert (ledger.pending, ledger.open, ledger.lost) == (4, 5, 3)
