"""`${NAME}` and `${NAME:-default}` in a profile's text. Text in, text out; the environment is given."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Substitution", "substitute"]

REFERENCE = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<given>:-(?P<default>[^}]*))?\}|\$\{")
"""As in a shell: the default stands in for a variable that is unset or empty. `$${` is a plain `${`."""


@dataclass(frozen=True, slots=True)
class Substitution:
    """What became of a text.

    `whole` says that the text was one reference and nothing else, `names` which variables gave a value, and
    `problems` has a sentence for everything that could not be replaced.
    """

    text: str
    whole: bool = False
    names: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def substitute(text: str, environ: Mapping[str, str]) -> Substitution:
    """Replace every reference in `text`; nothing is raised, so that all mistakes of a file can be told at once."""
    if "${" not in text:
        return Substitution(text)
    names: list[str] = []
    problems: list[str] = []

    def replaced(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if match[0] == "$${":
            return "${"
        if name is None or "${" in (default or ""):
            problems.append("${ starts a variable: write ${NAME} or ${NAME:-default}, or $${ for the characters")
            return ""
        value = environ.get(name)
        if value or (value is not None and match["given"] is None):
            names.append(name)
            return value
        if default is None:
            problems.append(f"the environment has no {name}, and ${{{name}}} gives no default: ${{{name}:-default}}")
        return default or ""

    result = REFERENCE.sub(replaced, text)
    whole = REFERENCE.fullmatch(text)
    return Substitution(result, bool(whole and whole["name"]), tuple(names), tuple(problems))
