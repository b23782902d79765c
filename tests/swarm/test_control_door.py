"""swarm/control_door.py: when strangers are too many, by a clock and a limit that are set by hand."""

import socket
from types import SimpleNamespace
from typing import Any

import pytest

from loadtest.swarm import borrowed
from loadtest.swarm.control_door import HANDSHAKE_S, MARGIN_S, Door


@pytest.fixture
def world() -> Any:
    return SimpleNamespace(time=0.0, limit=100)


@pytest.fixture
def door(world: Any) -> Door:
    return Door(lambda: world.time, lambda: world.limit)


def test_strangers_may_have_half_of_the_descriptors_and_are_too_many_with_one_more(door: Door) -> None:
    for descriptor in range(50):
        door.came(descriptor)
    assert not door.is_crowded()
    door.came(50)
    assert door.is_crowded()
    door.went(7)
    door.went(7)
    assert not door.is_crowded()


def test_who_is_there_for_longer_than_a_handshake_may_take_is_no_stranger_and_leaves_less_to_them(
    door: Door, world: Any
) -> None:
    for descriptor in range(60):
        door.came(descriptor)
    world.time = HANDSHAKE_S + MARGIN_S + 0.1
    assert door.strangers == 0
    for descriptor in range(100, 121):
        door.came(descriptor)
    assert door.is_crowded(), "21 of the 40 that are left"
    for descriptor in range(60):
        door.went(descriptor)
    assert not door.is_crowded(), "they left"


def test_the_first_stranger_is_the_one_that_is_there_for_longest_and_is_not_known(door: Door) -> None:
    for descriptor in (5, 3, 9):
        door.came(descriptor)
    assert door.first == 5
    door.know(5)
    assert (door.first, door.strangers) == (3, 2)
    door.know(5)
    door.came(3)
    assert door.first == 9


def test_strangers_are_looked_at_in_turn(door: Door) -> None:
    for descriptor in range(5):
        door.came(descriptor)
    assert [door.some(2) for _ in range(4)] == [[0, 1], [2, 3], [4], [0, 1]]
    door.went(2)
    door.know(3)
    assert [door.some(2) for _ in range(3)] == [[], [4], [0, 1]]


def test_a_descriptor_that_is_used_again_counts_once_and_anew(door: Door, world: Any) -> None:
    door.came(1)
    world.time = HANDSHAKE_S
    door.came(2)
    door.came(1)
    world.time = HANDSHAKE_S + MARGIN_S + 1
    assert door.strangers == 2
    world.time = 3 * HANDSHAKE_S
    assert door.strangers == 0
    door.came(1)
    assert door.strangers == 1


def test_a_number_that_is_a_unix_socket_s_by_now_is_no_connection_of_ours() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert borrowed.talk_of(one.fileno(), 5557) is None
        borrowed.end(one.fileno(), 5557)
        one.send(b"still there")
        assert other.recv(20) == b"still there"
