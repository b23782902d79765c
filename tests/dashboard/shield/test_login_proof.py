"""dashboard/shield/login_proof.py and login_sessions.py: nothing that lets anybody in is kept as it is."""

from typing import Any

from loadtest.dashboard.shield import login_sessions
from loadtest.dashboard.shield.login_proof import Password, Token
from loadtest.dashboard.shield.login_sessions import Sessions


def kept(thing: object) -> str:
    """All that an object holds, as text."""
    held: dict[str, Any] = vars(thing)
    return repr(held)


def test_a_password_is_known_again_and_not_kept() -> None:
    password = Password("me", "correct horse")
    assert password.fits("me", "correct horse")
    assert not password.fits("me", "correct horsf")
    assert not password.fits("mf", "correct horse")
    assert "correct horse" not in kept(password)
    assert password._hash != Password("me", "correct horse")._hash  # each with a salt of its own


def test_a_token_is_known_again_and_not_kept() -> None:
    token = Token("t0ken")
    assert token.fits("t0ken")
    assert not token.fits("t0keN")
    assert not token.fits("\udcff")
    assert "t0ken" not in kept(token)


def test_sessions_are_bounded_and_their_ids_not_kept() -> None:
    sessions = Sessions(lambda: 0.0)
    ids = [sessions.begin("me") for _ in range(login_sessions.MOST + 1)]
    assert sessions.find(ids[0]) is None
    session = sessions.find(ids[-1])
    assert session is not None
    assert session.token not in repr(session)
    assert ids[-1] not in kept(sessions)
    assert len(sessions._open) == login_sessions.MOST


def test_a_sessions_token_is_its_own() -> None:
    sessions = Sessions(lambda: 0.0)
    first, second = sessions.find(sessions.begin("me")), sessions.find(sessions.begin("me"))
    assert first is not None
    assert second is not None
    assert first.vouches(first.token)
    assert not first.vouches(second.token)
    assert not first.vouches(None)
