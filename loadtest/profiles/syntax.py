"""PyYAML's complaints in the user's words. Only what is no YAML at all: other mistakes are told by `document`."""

import re

import yaml

__all__ = ["syntax_problem"]

_WORDS: tuple[tuple[str, str], ...] = (
    (r"nested more|too much", r"{0}"),  # ours
    (r"'\\t'", "a tab can't indent: use spaces"),
    (r"another document|single document", "one file holds one profile: nothing may follow ---"),
    (r"found character '(.*)' that cannot start", "not YAML: a text can't start with {1}: put it in quotes"),
    (r"mapping values are not allowed", "not YAML: a second : in a line; a text with : in it needs quotes"),
    (r"but got '([{{?])'", "not YAML: inside {{…}} or […], a text with {1} in it needs quotes"),
    (r"expected ',' or '(.)'", "not YAML: there should be a , or a {1}"),
    (r"found '<scalar>'", "not YAML: nothing may follow a text in quotes"),
    (
        r"expected <block end>|could not find expected ':'",
        "not YAML: this doesn't fit what is above it: look at the indentation",
    ),
    (r"end of stream.*quoted scalar", "not YAML: a quote is never closed"),
    (r"undefined alias '(.*)'", "not YAML: *{1} stands for nothing: there is no &{1} above it"),
    (r"duplicate anchor '(.*)'", "not YAML: &{1} is there twice"),
)


def syntax_problem(error: yaml.MarkedYAMLError) -> str:
    """Return `line:column: sentence`, both counted from 1."""
    mark = error.problem_mark or error.context_mark
    where = f"{mark.line + 1}:{mark.column + 1}: " if mark else ""
    return where + _sentence(error.problem or "", error.context or "")


def _sentence(problem: str, context: str) -> str:
    told = f"{problem} {context}".strip()
    for pattern, sentence in _WORDS:
        if match := re.search(pattern.replace("{{", "{"), told):
            return sentence.format(told, *match.groups())
    return f"not YAML: {told}"
