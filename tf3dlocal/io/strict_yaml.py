"""The one YAML reader: configs, protocols, layouts and overrides all read the same language.

It is YAML without its surprises. A number with a leading zero is a text (`view: 045`; YAML 1.1 reads 37), `1e-4` is a
number (YAML 1.1 reads a text), `NO` is a text (YAML 1.1 reads false). A key given twice, a tag, more aliases or depth
than a person writes: each is an error that names the file, the line and the key.
"""

import dataclasses
import math
import pathlib
import re
from typing import Any

import yaml

from tf3dlocal.io.guard import UnreadableError, check_regular_file
from tf3dlocal.io.types import PathLike

MAX_BYTES = 2**20
MAX_DEPTH = 32
MAX_ALIASES = 100
MAX_VALUES = 100_000  # after aliases are written out
MAX_DIGITS = 30

NULL = re.compile(r"~|null|Null|NULL|")
BOOLEAN = re.compile(r"true|True|TRUE|false|False|FALSE")
INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


class YamlError(ValueError):
    """A YAML text cannot be used; the message names file, line and key."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class YamlDocument:
    r"""The values of a YAML text, and the line of each.

    Attributes:
        values: dict, list, str, int, float, bool or None; keys of a dict are always texts.
        source: Name of the text in messages.
        lines: Line number by dotted key, such as {"training.steps": 12, "views.0": 14}.

    Example:
        >>> document = read_yaml("training:\n  steps: 10", source="a.yaml")
        >>> document.values, document.where("training.steps")
        ({'training': {'steps': 10}}, 'a.yaml, line 2')
    """

    values: Any
    source: str
    lines: dict[str, int]

    def where(self, key: str = "") -> str:
        """Return the place of a dotted key, or of the nearest key above it that is there: "FILE, line 12"."""
        while key and key not in self.lines:
            key = key.rpartition(".")[0]
        return f"{self.source}, line {self.lines[key]}" if key else self.source


def read_yaml(text: str, *, source: str = "config") -> YamlDocument:
    """Read one YAML document strictly.

    Args:
        text: The YAML text.
        source: Name of the text in messages, such as its path.

    Raises:
        YamlError: The text is not YAML, has a key twice, a tag, or too many aliases, values or levels.

    Example:
        >>> read_yaml("{subjects: [001, 010], views: [0, 036], rate: 1e-4, code: NO}").values
        {'subjects': ['001', '010'], 'views': [0, '036'], 'rate': 0.0001, 'code': 'NO'}
    """
    if len(text) > MAX_BYTES:
        raise YamlError(f"{source} has {len(text):,} characters, and {MAX_BYTES:,} are the limit.")
    loader = None
    try:
        _check_events(text, source)
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = ", ".join(filter(None, (error.context, error.problem)))
        raise YamlError(f"{source}{line}: this is not YAML: {problem}.") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if isinstance(error, YamlError):
            raise
        raise YamlError(f"{source}: this is not YAML: {' '.join(str(error).split())}.") from None
    finally:
        if loader is not None:
            loader.dispose()
    reader = _Reader(source)
    values = None if node is None else reader.value(node, "")
    return YamlDocument(values=values, source=source, lines=reader.lines)


def read_yaml_file(path: PathLike) -> YamlDocument:
    """Read one YAML file strictly; see `read_yaml`.

    Args:
        path: A UTF-8 file.

    Raises:
        FileNotFoundError: There is no such file.
        YamlError: It is not a regular UTF-8 file of at most a megabyte, or `read_yaml` raises it.
    """
    try:
        check_regular_file(path, max_bytes=MAX_BYTES)
    except UnreadableError as error:
        raise YamlError(str(error)) from error
    content = pathlib.Path(path).read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        encoding = "UTF-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "another encoding"
        raise YamlError(f"{path}, line {line}: this is not UTF-8 but {encoding}. Save the file as UTF-8.") from None
    return read_yaml(text, source=str(path))


def _check_events(text: str, source: str) -> None:
    """Refuse tags, and more levels or aliases than a person writes, before anything is built of the text."""
    depth = aliases = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1
        if getattr(event, "tag", None) is not None:
            raise YamlError(
                f"{source}, line {line}: tags such as {event.tag!r} are not read here. Write the plain value."
            )
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        aliases += isinstance(event, yaml.AliasEvent)
        if depth > MAX_DEPTH:
            raise YamlError(f"{source}, line {line}: the values are nested in more than {MAX_DEPTH} levels.")
        if aliases > MAX_ALIASES:
            raise YamlError(f"{source}, line {line}: there are more than {MAX_ALIASES} aliases. Write the values out.")


class _Reader:
    """Builds the values of a node tree and notes their lines."""

    def __init__(self, source: str):
        self.source, self.lines = source, {}
        self.num_values, self.open_nodes = 0, set()

    def value(self, node: yaml.Node, key: str) -> Any:
        self.lines.setdefault(key, node.start_mark.line + 1)
        self.num_values += 1
        if self.num_values > MAX_VALUES:
            raise YamlError(f"{self.source}: there are more than {MAX_VALUES:,} values, aliases written out.")
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, key)
        if id(node) in self.open_nodes:
            raise self.error(node, key, "the value contains itself")
        self.open_nodes.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.value(item, self.joined(key, index)) for index, item in enumerate(node.value)]
            return self.mapping(node, key)
        finally:
            self.open_nodes.discard(id(node))

    def mapping(self, node: yaml.MappingNode, key: str) -> dict:
        values = {}
        for name_node, value_node in node.value:
            if not isinstance(name_node, yaml.ScalarNode):
                raise self.error(name_node, key, "a key must be a word or a number")
            name = name_node.value
            inner = self.joined(key, name)
            if name in values:
                raise self.error(name_node, inner, f"the key is given twice, first in line {self.lines[inner]}")
            self.lines[inner] = name_node.start_mark.line + 1
            values[name] = self.value(value_node, inner)
        return values

    def scalar(self, node: yaml.ScalarNode, key: str) -> Any:
        text = node.value
        if node.style is not None:  # quoted, or a block of text
            return text
        if NULL.fullmatch(text):
            return None
        if BOOLEAN.fullmatch(text):
            return text.lower() == "true"
        if not NUMBER.fullmatch(text):
            return text
        if len(text) > MAX_DIGITS:
            raise self.error(
                node, key, f"{text[:MAX_DIGITS]}... has too many digits for a number; put a text in quotes"
            )
        if INTEGER.fullmatch(text):
            return int(text)
        number = float(text)
        if not math.isfinite(number):
            raise self.error(node, key, f"{text} is too large for a number")
        return number

    def error(self, node: yaml.Node, key: str, problem: str) -> YamlError:
        at = f", {key}" if key else ""
        return YamlError(f"{self.source}, line {node.start_mark.line + 1}{at}: {problem}.")

    @staticmethod
    def joined(key: str, name: object) -> str:
        return f"{key}.{name}" if key else str(name)
