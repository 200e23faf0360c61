"""What the path of a raw frame says: subject, condition and view, read with a pattern.

Such as "{subject}/{condition}/{view}/{frame}.png".
"""

from __future__ import annotations

import functools
import re
from dataclasses import KW_ONLY, dataclass, field

from tf3dlocal.data.raw.files import RawDataError
from tf3dlocal.io import near_names

FIELDS = ("subject", "condition", "view", "frame")
HELP = (
    'A layout file has the line  pattern: "{subject}/{condition}/{view}/{frame}.png"  with the names of your folders. '
    "Where the paths have no condition or no view, add `condition: nm-01` or `view: 90`, which hold for all walks. "
    "Where views are words, add their degrees: `views: {left: 270, right: 90}`."
)


@dataclass(frozen=True)
class PathPattern:
    """The layout of a raw data set.

    Args:
        layout: Name of the layout in reports.
        pattern: A path below the root with the fields {subject}, {condition}, {view} and {frame}. "*" matches
            anything inside one name. A field may occur twice and must then have the same text.
        expressions: Field to the regular expression that its whole text must match. Without one, any text matches.
        views: Text of the view to degrees, such as {"left": 270}: `views:` in a layout file. Without it, the text is
            the number of degrees.
        condition: Condition of all sequences, where the pattern does not have the field: `condition:` in a layout file.
        view_degrees: View of all sequences in degrees, where the pattern does not have the field: `view:` in a layout
            file.

    Raises:
        RawDataError: A field is unknown, or {subject} or {frame} is missing.

    Example:
        >>> pattern = PathPattern("mine", pattern="{subject}/{condition}-{view}/{frame}.png", views={"left": 270})
        >>> pattern.match("anna/coat-left/0001.png")
        ('anna', 'coat', 270)
    """

    layout: str
    _: KW_ONLY
    pattern: str
    expressions: dict[str, str] = field(default_factory=dict)
    views: dict[str, int] | None = None
    condition: str | None = None
    view_degrees: int | None = None

    def __post_init__(self):
        fields = re.findall(r"\{(.*?)\}", self.pattern)
        unknown = [name for name in fields if name not in FIELDS]
        if unknown:
            raise RawDataError(
                f"Pattern {self.pattern!r}: unknown field {unknown[0]!r}. {near_names(unknown[0], FIELDS)} {HELP}"
            )
        given = {"condition": self.condition is not None, "view": self.view_degrees is not None}
        for name in FIELDS:
            if name not in fields and not given.get(name):
                example = {"condition": "condition: nm-01", "view": "view: 90"}.get(name)
                more = f", or give it once for all walks in the layout file, such as `{example}`" if example else ""
                raise RawDataError(f"Pattern {self.pattern!r} lacks the field {{{name}}}. Add it to the pattern{more}.")

    @property
    def components(self) -> list[str]:
        """The names between the slashes, outermost first. The last is the file name."""
        return self.pattern.split("/")

    @property
    def pickled(self) -> bool:
        """Whether a file is a pickle of a whole walk, as OpenGait writes it, and not one frame."""
        return self.pattern.lower().endswith(".pkl")

    def match(self, path: str) -> tuple[str, str, int] | None:
        """Return (subject, condition, view in degrees) of a frame's path, or None where the path does not match.

        Folders above the pattern are allowed, so that an archive may hold the tree below another folder.
        """
        found = self._expression(self.pattern, anywhere=True).fullmatch(path)
        if not found or is_note_of_macos(path):
            return None
        texts = found.groupdict()
        view_degrees = self.view_degrees
        if "view" in texts:
            if self.views is not None:
                view_degrees = self.views.get(texts["view"])
            else:
                view_degrees = int(texts["view"]) if _is_number(texts["view"]) else None
        if view_degrees is None:
            return None
        return texts["subject"], texts.get("condition", self.condition), view_degrees

    def mismatch(self, path: str) -> str:
        """Return why the path of a frame does not match, in a few words; "" if it does.

        Example:
            >>> pattern = PathPattern("mine", pattern="{subject}/{view}/{frame}.png", condition="nm")
            >>> pattern.mismatch("anna/pass-3/1.png")
            "'pass-3' is no number of degrees for {view}; if it is the name of a view, add `views: {pass-3: DEGREES}`"
        """
        if self.match(path) is not None:
            return ""
        names, wanted = path.split("/"), self.components
        if is_note_of_macos(path):
            return f"{names[-1]!r} is a note of macOS, no picture"
        if len(names) < len(wanted):
            return f"it has {len(names) - 1} folders, and the pattern {len(wanted) - 1}"
        names = names[len(names) - len(wanted) :]
        for name, piece in zip(names, wanted, strict=True):
            if self._expression(piece).fullmatch(name) is None:
                return f"{name!r} is not {self._with_expression(piece)}"
        found = self._expression(self.pattern).fullmatch("/".join(names))
        if found is None:
            return "a field that occurs twice has two texts"
        view = found.groupdict().get("view", "")
        if self.views is not None:
            return f"the view {view!r} is not among `views:` ({', '.join(map(repr, self.views))})"
        return (
            f"{view!r} is no number of degrees for {{view}}; if it is the name of a view, add "
            f"`views: {{{view}: DEGREES}}`"
        )

    def folder_expression(self, level: int) -> re.Pattern:
        """Return the expression that the name of a folder must match at this depth below the root."""
        return self._expression(self.components[level])

    def wanted_at(self, level: int) -> str:
        """Return what the name of a folder must be at this depth below the root, such as "{subject}"."""
        return self._with_expression(self.components[level])

    def _with_expression(self, piece: str) -> str:
        expression = next((self.expressions[field] for field in self.expressions if piece == f"{{{field}}}"), "")
        return f"{piece}{' = ' * bool(expression)}{expression}"

    def subject_of_folder(self, path: str) -> str | None:
        """Return the subject in the path of an innermost folder, or None where only the file name has it."""
        found = self._expression("/".join(self.components[:-1])).fullmatch(path)
        return found.groupdict().get("subject") if found else None

    def _expression(self, pattern: str, anywhere: bool = False) -> re.Pattern:
        return _compiled(pattern, tuple(sorted(self.expressions.items())), anywhere)


def is_note_of_macos(path: str) -> bool:
    """Return whether a file is a "._001.png", which macOS leaves next to 001.png on foreign disks and in archives."""
    return path.rpartition("/")[2].startswith("._")


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) <= 9


@functools.lru_cache(maxsize=256)
def _compiled(pattern: str, expressions: tuple, anywhere: bool) -> re.Pattern:
    """Return the regular expression of a pattern. It is cached because millions of paths are matched."""
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
