"""Prior centre and extent of every body part: where a local path looks before training."""

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import NamedTuple, Self

LARGEST_EXTENT = 10


class PartPrior(NamedTuple):
    """The prior of one local path, as fractions of the map (supplement Table 3).

    Any list of priors can be used; another task has other names, extents and centres.

    Attributes:
        name: Name of the part, used in the names of layers.
        height: Prior extent in height (p_H), as a fraction of the map's height.
        width: Prior extent in width (p_W), as a fraction of the map's width.
        length: Prior extent in time (p_T), as a fraction of the frames.
        center_x: Prior centre (c_x), 0..1 from the left.
        center_y: Prior centre (c_y), 0..1 from the top.
        center_t: Prior centre (c_t), 0..1 from the first frame.

    Example:
        >>> PartPrior.of(["whole", 1.0, 1.0, 1.0, 0.5, 0.5, 0.5]).width
        1.0
    """

    name: str
    height: float
    width: float
    length: float
    center_x: float
    center_y: float
    center_t: float

    @classmethod
    def of(cls, value: "Self | Mapping | Sequence") -> Self:
        """Make a `PartPrior` from itself, a mapping with its field names, or a sequence in their order.

        Raises:
            ValueError: A field is missing or unknown, a number is none, an extent is not positive, or a centre is
                outside the map.
        """
        try:
            prior = value if isinstance(value, cls) else cls(**value) if isinstance(value, Mapping) else cls(*value)
        except TypeError as error:
            raise ValueError(f"A part prior has the fields {', '.join(cls._fields)}; got {value!r}.") from error
        if not isinstance(prior.name, str) or not prior.name.isidentifier():
            raise ValueError(
                f"The name of a part must be letters, digits and _, such as 'left_arm'; got {prior.name!r}."
            )
        numbers = prior[1:]
        if not all(isinstance(each, Real) and not isinstance(each, bool) and math.isfinite(each) for each in numbers):
            raise ValueError(f"The extents and centres of part {prior.name!r} must be finite numbers; got {value!r}.")
        if min(numbers[:3]) <= 0 or max(numbers[:3]) > LARGEST_EXTENT:
            raise ValueError(
                f"The extents of part {prior.name!r} must be positive and at most {LARGEST_EXTENT}, as fractions of "
                f"the map; got {value!r}."
            )
        if min(numbers[3:]) < 0 or max(numbers[3:]) > 1:
            raise ValueError(f"The centres of part {prior.name!r} must be from 0 to 1; got {value!r}.")
        return prior


# fmt: off  (tables with aligned columns)

# Supplement Table 3, row by row. "Left" is the left side of the image, not of the body (supplement section 5).
PAPER_PARTS = tuple(
    map(
        PartPrior.of,
        [
            # name       height  width   length  center_x  center_y  center_t
            ("head", 1 / 8, 3 / 11, 1 / 3, 1 / 2, 1 / 16, 1 / 2),
            ("left_arm", 3 / 16, 3 / 11, 2 / 3, 3 / 10, 1 / 2, 1 / 2),
            ("right_arm", 3 / 16, 3 / 11, 2 / 3, 7 / 10, 1 / 2, 1 / 2),
            ("torso", 1 / 2, 3 / 11, 1 / 3, 1 / 2, 3 / 8, 1 / 2),
            ("left_leg", 3 / 8, 5 / 11, 2 / 3, 3 / 10, 4 / 5, 1 / 2),
            ("right_leg", 3 / 8, 5 / 11, 2 / 3, 7 / 10, 4 / 5, 1 / 2),
        ],
    )
)

# With the paper's lengths a path sees a third or two thirds of a clip, on a grid of steps shorter than a frame. These
# see all of it, frame by frame.
WHOLE_CLIP_PARTS = tuple(part._replace(length=1.0) for part in PAPER_PARTS)

# The authors' code: a wider head and torso, one length for all parts, and another order of the paths.
RELEASE_PARTS = tuple(
    map(
        PartPrior.of,
        [
            # name       height  width   length  center_x  center_y  center_t
            ("head", 1 / 8, 4 / 11, 2 / 5, 1 / 2, 1 / 16, 1 / 2),
            ("torso", 1 / 2, 10 / 11, 2 / 5, 1 / 2, 3 / 8, 1 / 2),
            ("left_arm", 3 / 16, 3 / 11, 2 / 5, 3 / 10, 1 / 2, 1 / 2),
            ("right_arm", 3 / 16, 3 / 11, 2 / 5, 7 / 10, 1 / 2, 1 / 2),
            ("left_leg", 3 / 8, 5 / 11, 2 / 5, 3 / 10, 4 / 5, 1 / 2),
            ("right_leg", 3 / 8, 5 / 11, 2 / 5, 7 / 10, 4 / 5, 1 / 2),
        ],
    )
)
# fmt: on
