"""How a part looks in every picture: one colour, one line style and one marker, by its name."""

from collections.abc import Sequence
from typing import NamedTuple

from tf3dlocal.visualization.picture import LINE_COLORS

PART_COLORS = (*LINE_COLORS, "#000000")  # Okabe and Ito's colours differ in brightness, too
BODY_PARTS = ("head", "left_arm", "right_arm", "torso", "left_leg", "right_leg")  # the paper's, in its order
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.2, 1.2, 1.2)), (0, (3, 3)), (0, (8, 1.2, 1.2, 1.2, 1.2, 1.2)))
MARKERS = "os^DvP"


class PartStyle(NamedTuple):
    """Colour, line style and marker of a part; the latter two tell parts apart in grey.

    Attributes:
        color: As "#0072B2".
        dashes: matplotlib's line style, one of `DASHES`.
        marker: One of `MARKERS`.
    """

    color: str
    dashes: str | tuple
    marker: str


def part_styles(names: Sequence[str]) -> dict[str, PartStyle]:
    """Choose the style of every part: a part of the paper has its own in every picture, the others take those left.

    So a part looks the same whatever the order of the parts is, which differs between the presets.

    Example:
        >>> styles = part_styles(["torso", "hand"])
        >>> styles["torso"].color, styles["hand"].color
        ('#CC79A7', '#0072B2')
        >>> part_styles(["head", "torso"])["torso"] == part_styles(["torso", "head"])["torso"]
        True
    """
    places = {name: BODY_PARTS.index(name) for name in names if name in BODY_PARTS}
    left = [place for place in range(len(PART_COLORS)) if place not in places.values()]
    others = [name for name in dict.fromkeys(names) if name not in places]
    rounds = {name: divmod(number, len(left)) for number, name in enumerate(others)}
    # In a second round the colours are the same, and line style and marker others.
    found = {name: (left[place], left[place] + turn) for name, (turn, place) in rounds.items()}
    found |= {name: (place, place) for name, place in places.items()}
    return {
        name: PartStyle(PART_COLORS[color], DASHES[line % len(DASHES)], MARKERS[line % len(MARKERS)])
        for name, (color, line) in ((name, found[name]) for name in dict.fromkeys(names))
    }


def spoken(part: str) -> str:
    """Return the name of a part as text.

    Example:
        >>> spoken("left_arm")
        'left arm'
    """
    return part.replace("_", " ")
