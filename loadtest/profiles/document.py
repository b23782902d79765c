"""YAML text in, plain data and the origin of every value out. What the values mean is not known here.

Read with care, since a profile may be anybody's: no tag makes an object, nothing is parsed that is too big or nested
too deeply, and aliases are expanded only as long as the whole stays small. Unquoted values are typed as in YAML 1.2's
core schema (https://yaml.org/spec/1.2.2/#103-core-schema), as editors read them: `yes`, `on` and dates are text.
"""

import re
from collections.abc import Mapping
from typing import Any, Self

import yaml

from loadtest.errors import ProfileError
from loadtest.profiles.masking import is_secret
from loadtest.profiles.problems import KeyPath, Origin, Origins, Problems
from loadtest.profiles.syntax import syntax_problem
from loadtest.profiles.variables import substitute

__all__ = ["MAX_BYTES", "Document", "Plain"]

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_VALUES = 20_000
MAX_TEXT = 4 * MAX_BYTES

_TAG = "tag:yaml.org,2002:"
_SCALARS = {_TAG + kind for kind in ("str", "int", "float", "bool", "null")} | {"!"}
_CORE: tuple[tuple[re.Pattern[str], Any], ...] = (
    (re.compile(r"|~|null|Null|NULL"), lambda _: None),
    (re.compile(r"true|True|TRUE|false|False|FALSE"), lambda text: text.lower() == "true"),
    (re.compile(r"[-+]?[0-9]{1,300}"), int),
    (re.compile(r"0o[0-7]{1,300}|0x[0-9a-fA-F]{1,300}"), lambda text: int(text, 0)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    (re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"), lambda text: float(text.replace(".", ""))),
)


class Plain(str):
    """An unquoted value that YAML takes for a number or a truth value: the text as written, and that `value`.

    Where text is wanted (a token that happens to be all digits), the text counts; everywhere else `value` does.
    """

    __slots__ = ("value",)
    value: float | bool

    def __new__(cls, text: str, value: float | bool) -> Self:  # noqa: FBT001 - the value is what it is
        """Make a text that remembers its value."""
        self = super().__new__(cls, text)
        self.value = value
        return self


def _typed(text: str) -> str | None:
    for pattern, convert in _CORE:
        if pattern.fullmatch(text):
            value = convert(text)
            return None if value is None else Plain(text, value)
    return text


class _Loader(yaml.SafeLoader):
    """Composes nodes with their lines; refuses to go too deep, where Python's own stack would end."""

    depth = 0
    count = 0
    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's; an unquoted value is text until `_typed` has seen it

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Count around PyYAML's own recursion."""
        self.depth += 1
        self.count += 1
        if self.depth > MAX_DEPTH or self.count > MAX_VALUES:
            deep = f"nested more than {MAX_DEPTH} levels deep"
            problem = deep if self.depth > MAX_DEPTH else f"too much: a profile has at most {MAX_VALUES} values"
            raise yaml.composer.ComposerError(None, None, problem, self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Oversized(Exception):
    """The document is too big once its aliases are expanded."""


class Document:
    """One YAML text, read. `problems` has what was wrong so far; `used` the variables that gave a value.

    Raises ProfileError where no data can be had at all: bad syntax, an empty text, one that is too big.
    """

    def __init__(self, text: str, file: str, environ: Mapping[str, str] | None) -> None:
        self.file = file
        self.origins = Origins(file)
        self.problems = Problems(self.origins)
        self.used: set[str] = set()
        self._environ = environ
        self._open: set[int] = set()
        self._values = self._text = 0
        root = self._composed(text)
        try:
            self.data = self._value(root, ())
        except _Oversized:
            sentence = "too big with its aliases written out"
            raise ProfileError([f"{file}:{root.start_mark.line + 1}: {sentence}"]) from None
        self.problems.settle()

    def _composed(self, text: str) -> yaml.Node:
        if len(text) > MAX_BYTES:
            raise ProfileError([f"{self.file}: is too big: a profile has at most {MAX_BYTES // 1024} KiB"])
        if bad := yaml.reader.Reader.NON_PRINTABLE.search(text):
            line, column = text.count("\n", 0, bad.start()) + 1, bad.start() - text.rfind("\n", 0, bad.start())
            name = "a NUL byte" if bad[0] == "\0" else f"the control character U+{ord(bad[0]):04X}"
            raise ProfileError([f"{self.file}:{line}:{column}: {name} can't be in a profile"])
        try:
            node = yaml.compose(text, Loader=_Loader)
        except yaml.MarkedYAMLError as error:
            raise ProfileError([f"{self.file}:{syntax_problem(error)}"]) from None
        if node is None:
            raise ProfileError([f"{self.file}: is empty"])
        return node

    def _value(self, node: yaml.Node, path: KeyPath) -> Any:
        self._values += 1
        if self._values > MAX_VALUES or self._text > MAX_TEXT:
            raise _Oversized
        self.origins.known.setdefault(path, Origin(node.start_mark.line + 1))
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if id(node) in self._open:
            self.problems.add(path, "an alias can't stand inside what it stands for")
            return None
        self._open.add(id(node))
        value: Any = self._list(node, path) if isinstance(node, yaml.SequenceNode) else self._mapping(node, path)
        self._open.remove(id(node))
        return value

    def _allowed(self, node: yaml.Node, path: KeyPath, tags: set[str]) -> bool:
        if node.tag in tags:
            return True
        shown = node.tag.replace(_TAG, "!!")
        self.problems.add(path, f"the tag {shown} can't be in a profile")
        return False

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> str | None:
        if not self._allowed(node, path, _SCALARS):
            return None
        self._text += len(node.value)
        plain = node.style is None or node.tag not in (_TAG + "str", "!")
        if self._environ is None:
            return _typed(node.value) if plain else node.value
        new = substitute(node.value, self._environ)
        for sentence in new.problems:
            self.problems.add(path, sentence)
        self.used |= {name for name in new.names if is_secret(name)}
        self._text += len(new.text)
        literal = plain and new.text == node.value
        return _typed(new.text) if literal or new.whole else new.text

    def _list(self, node: yaml.SequenceNode, path: KeyPath) -> list[Any] | None:
        if not self._allowed(node, path, {_TAG + "seq"}):
            return None
        return [self._value(item, (*path, index)) for index, item in enumerate(node.value)]

    def _mapping(self, node: yaml.Node, path: KeyPath) -> dict[str, Any] | None:
        if not self._allowed(node, path, {_TAG + "map"}):
            return None
        data: dict[str, Any] = {}
        merged: list[yaml.Node] = []
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self.origins.known.setdefault((*path, "?"), Origin(line))
                self.problems.add((*path, "?"), "a key must be one word")
            elif key_node.value == "<<" and key_node.style is None:
                merged += value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
            else:
                self._entry(data, key_node, value_node, path)
        for other in merged:
            self._merge(data, other, path)
        return data

    def _entry(self, data: dict[str, Any], key_node: yaml.ScalarNode, value_node: yaml.Node, path: KeyPath) -> None:
        key = str(self._scalar(key_node, path) or "")
        here = (*path, key)
        if key in data:
            first = self.origins.known[here].line
            self.origins.known[here] = Origin(key_node.start_mark.line + 1)
            self.problems.add(here, f"is given twice; the first is in line {first}")
            return
        self.origins.known[here] = Origin(key_node.start_mark.line + 1)
        data[key] = self._value(value_node, here)

    def _merge(self, data: dict[str, Any], other: yaml.Node, path: KeyPath) -> None:
        """`<<: *name` (https://yaml.org/type/merge.html): what is given beside it wins."""
        if not isinstance(other, yaml.MappingNode):
            self.problems.add(path, "<< must be followed by the alias of a mapping")
            return
        known = dict(self.origins.known)
        for key, value in (self._value(other, path) or {}).items():
            data.setdefault(key, value)
        self.origins.known |= known
