"""dashboard/shield/login_attempts.py: how often one may try."""

from loadtest.dashboard.shield import login_attempts
from loadtest.dashboard.shield.login_attempts import Attempts, Rate


class Clock:
    """Seconds, by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_each_address_has_its_own_and_gets_more_as_time_goes_by() -> None:
    clock = Clock()
    attempts = Attempts(clock, Rate(2, 10.0), Rate(100, 1.0))
    assert [attempts.begin("10.0.0.1") for _ in range(3)] == [0, 0, 10.0]
    assert attempts.begin("10.0.0.2") == 0
    clock.now = 4.0
    assert attempts.begin("10.0.0.1") == 6.0
    clock.now = 10.0
    assert attempts.begin("10.0.0.1") == 0


def test_all_together_are_limited_as_well() -> None:
    attempts = Attempts(Clock(), Rate(2, 10.0), Rate(5, 1.0))
    waits = [attempts.begin(f"10.0.0.{number}") for number in range(6)]
    assert waits == [0, 0, 0, 0, 0, 1.0]


def test_what_succeeds_does_not_count() -> None:
    attempts = Attempts(Clock(), Rate(1, 10.0), Rate(1, 1.0))
    for _ in range(5):
        assert attempts.begin("10.0.0.1") == 0
        attempts.succeeded("10.0.0.1")


def test_whoever_has_a_network_of_ipv6_is_one() -> None:
    attempts = Attempts(Clock(), Rate(1, 10.0), Rate(100, 1.0))
    assert attempts.begin("2001:db8:1:2::1") == 0
    assert attempts.begin("2001:db8:1:2:ffff::2") > 0
    assert attempts.begin("2001:db8:1:3::1") == 0
    assert attempts.begin("10.0.0.1") == 0
    assert attempts.begin("::ffff:10.0.0.1") > 0


def test_addresses_are_forgotten_when_there_are_too_many() -> None:
    attempts = Attempts(Clock(), Rate(1, 10.0), Rate(1 << 20, 1.0))
    for number in range(3 * login_attempts.MOST_ADDRESSES):
        attempts.begin(f"10.0.{number >> 8}.{number & 255}")
    assert len(attempts._by_address) == login_attempts.MOST_ADDRESSES
    assert attempts.begin(None) == 0
