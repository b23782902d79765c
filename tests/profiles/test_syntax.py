import pytest
import yaml

from loadtest.profiles.syntax import syntax_problem


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: 1\n\tb: 2", "2:1: a tab can't indent: use spaces"),
        ("a: 1\n---\nb: 2", "2:1: one file holds one profile: nothing may follow ---"),
        ("a: @b", "1:4: not YAML: a text can't start with @: put it in quotes"),
        ("a: b: c", "1:5: not YAML: a second : in a line; a text with : in it needs quotes"),
        ("a: {get: /x?n=5}", "1:12: not YAML: inside {…} or […], a text with ? in it needs quotes"),
        ("a: {ramp: ${N:-5}}", "1:12: not YAML: inside {…} or […], a text with { in it needs quotes"),
        ("a: [1, 2\nb: 3", "2:2: not YAML: there should be a , or a ]"),
        ("a: {b: 1", "1:9: not YAML: there should be a , or a }"),
        ("a: 'it's'", "1:8: not YAML: nothing may follow a text in quotes"),
        ("a:\n  b: 1\n c: 2", "3:2: not YAML: this doesn't fit what is above it: look at the indentation"),
        ("- a\nb: 1", "2:1: not YAML: this doesn't fit what is above it: look at the indentation"),
        ("a: 1\nb\nc: 2", "3:1: not YAML: this doesn't fit what is above it: look at the indentation"),
        ("a: 'b", "1:6: not YAML: a quote is never closed"),
        ("a: *b", "1:4: not YAML: *b stands for nothing: there is no &b above it"),
        ("a: [&b 1, &b 2]", "1:11: not YAML: &b is there twice"),
        (
            "%YAML 9.9\n---\na: 1",
            "1:1: not YAML: found incompatible YAML document (version 1.* is required)",
        ),  # a rare one
    ],
)
def test_what_is_not_yaml_is_told_in_the_users_words(text: str, told: str) -> None:
    with pytest.raises(yaml.MarkedYAMLError) as caught:
        yaml.compose(text, Loader=yaml.SafeLoader)
    assert syntax_problem(caught.value) == told
