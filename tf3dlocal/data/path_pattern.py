"""What the path of a raw frame says: subject, condition and view, read from a pattern such as
"{subject}/{condition}/{view}/{frame}.png"."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field

from tf3dlocal.data.raw_sequences import RawDataError

FIELDS = ("subject", "condition", "view", "frame")


@dataclass(frozen=True)
class PathPattern:
    """The layout of a raw data set.

    Args:
        layout: what the layout is called in reports.
        pattern: a path below the root with the fields {subject}, {condition}, {view} and {frame}; "*" stands for
            anything inside one name. A field may occur twice and must then say the same thing.
        expressions: field -> regular expression that its text must match completely (any text without it).
        views: text of the view -> degrees; without it, the text is the number of degrees.
        condition, view_degrees: used for all sequences where the pattern does not hold the field.

    Raises:
        RawDataError: an unknown field, or {subject} or {frame} is missing.

    Example:
        >>> pattern = PathPattern("mine", "{subject}/{condition}-{view}/{frame}.png", views={"left": 270})
        >>> pattern.match("anna/coat-left/0001.png")
        ('anna', 'coat', 270)
    """

    layout: str
    pattern: str
    expressions: dict[str, str] = field(default_factory=dict)
    views: dict[str, int] | None = None
    condition: str | None = None
    view_degrees: int | None = None

    def __post_init__(self):
        fields = re.findall(r"\{(.*?)\}", self.pattern)
        unknown = [name for name in fields if name not in FIELDS]
        if unknown:
            raise RawDataError(f"Pattern {self.pattern!r}: unknown field {unknown[0]!r}; the fields are {FIELDS}.")
        given = {"condition": self.condition is not None, "view": self.view_degrees is not None}
        for name in FIELDS:
            if name not in fields and not given.get(name):
                more = f", or give `{name}:` once for all sequences" if name in given else ""
                raise RawDataError(f"Pattern {self.pattern!r} lacks the field {{{name}}}: write it into it{more}.")

    @property
    def components(self) -> list[str]:
        """The names between the slashes, outermost first; the last is the file's."""
        return self.pattern.split("/")

    @property
    def pickled(self) -> bool:
        """Whether a file is a pickle with a whole walk in it, as OpenGait has it, and not one frame."""
        return self.pattern.lower().endswith(".pkl")

    def match(self, path: str) -> tuple[str, str, int] | None:
        """(subject, condition, view in degrees) of a frame's path, or None where the path does not fit.

        Folders above the pattern are allowed, so that archives may hold the tree below a folder of their own.
        """
        found = _expression(self.pattern, tuple(sorted(self.expressions.items())), True).fullmatch(path)
        if not found:
            return None
        texts = found.groupdict()
        view_degrees = self.view_degrees
        if "view" in texts:
            if self.views is not None:
                view_degrees = self.views.get(texts["view"])
            else:
                view_degrees = int(texts["view"]) if texts["view"].isdecimal() else None
        if view_degrees is None:
            return None
        return texts["subject"], texts.get("condition", self.condition), view_degrees

    def folder_expression(self, level: int) -> re.Pattern:
        """What a folder's own name must match at this depth below the root."""
        return _expression(self.components[level], tuple(sorted(self.expressions.items())), False)

    def subject_of_folder(self, path: str) -> str | None:
        """The subject that the path of an innermost folder tells, or None where only the file's name does."""
        expression = _expression("/".join(self.components[:-1]), tuple(sorted(self.expressions.items())), False)
        found = expression.fullmatch(path)
        return found.groupdict().get("subject") if found else None


@functools.lru_cache(maxsize=256)
def _expression(pattern: str, expressions: tuple, anywhere: bool) -> re.Pattern:
    """The regular expression of a pattern; cached, since millions of paths are matched."""
    texts, seen, result = dict(expressions), set(), r"(?:.*/)?" if anywhere else ""
    for piece in re.split(r"(\{.*?\}|\*)", pattern):
        name = piece[1:-1]
        if piece == "*":
            result += "[^/]*?"
        elif not piece.startswith("{"):
            result += re.escape(piece)
        elif name in seen:
            result += f"(?P={name})"
        else:
            seen.add(name)
            result += f"(?P<{name}>{texts.get(name, '[^/]+?')})"
    return re.compile(result)
