"""swarm/form.py: what the start form asked for, checked."""

import pytest

from loadtest.errors import UsageError
from loadtest.swarm.form import Wishes, wishes_from


@pytest.mark.parametrize(
    ("options", "host", "wishes"),
    [
        ({}, None, Wishes()),  # nothing: the profile's own
        ({"peak_users": " ", "total_duration": ""}, "  ", Wishes()),  # blank is nothing
        ({"load_profile": "smoke", "peak_users": "50"}, None, Wishes("smoke", users=50)),
        ({"total_duration": "1m30s"}, None, Wishes(duration=90.0)),
        ({"peak_users": 7}, None, Wishes(users=7)),  # Locust may hand a number over
        ({}, "http://a:1/, http://b:2", Wishes(targets=("http://a:1", "http://b:2"))),
    ],
)
def test_a_start_asks_for_what_was_filled_in(options: dict[str, object], host: str | None, wishes: Wishes) -> None:
    assert wishes_from(options, host) == wishes


@pytest.mark.parametrize(
    ("options", "host", "sentence"),
    [
        ({"peak_users": "0"}, None, "Peak users: '0' is not a whole number above 0"),
        ({"peak_users": "ten"}, None, "Peak users: 'ten' is not"),
        ({"peak_users": "٣"}, None, "is not a whole number"),  # a digit, but not ours
        ({"total_duration": "soon"}, None, "Total duration: "),
        ({"total_duration": "0s"}, None, "Total duration: "),
        ({}, "ftp://x", "Target: must be http://host:port"),
        ({}, "http://user:secret@x", "Target: must not hold credentials"),
    ],
)
def test_what_cannot_be_run_is_refused_with_a_sentence(
    options: dict[str, object], host: str | None, sentence: str
) -> None:
    with pytest.raises(UsageError) as refused:
        wishes_from(options, host)
    assert str(refused.value).startswith(sentence) or sentence in str(refused.value)
    assert "secret" not in str(refused.value)
