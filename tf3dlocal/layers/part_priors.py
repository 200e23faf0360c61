"""Where body parts are before anything is learned: the prior centre and extent of every local path."""

from typing import NamedTuple


class PartPrior(NamedTuple):
    """The prior of one local path, in fractions of the map (seed Table 3).

    Fields (the paper's symbol):
        name: name of the part, used in layer names.
        height, width, length: prior extent (p_H, p_W, p_T) as a fraction of the map's height, width and frames.
        center_x, center_y, center_t: prior centre (c_x, c_y, c_t), 0..1 from the left, the top and the first frame.

    Any list of priors serves: for another task give other names, extents and centres.

    Example:
        >>> PartPrior("whole", 1.0, 1.0, 1.0, 0.5, 0.5, 0.5).width
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
    def of(cls, value):
        """A `PartPrior` from itself, a mapping with its field names or a sequence in their order.

        Raises ValueError, naming the part, where a field is missing, unknown or not positive.
        """
        if isinstance(value, cls):
            return value
        try:
            prior = cls(**value) if isinstance(value, dict) else cls(*value)
        except TypeError as error:
            raise ValueError(f"A part prior has the fields {', '.join(cls._fields)}; got {value!r}.") from error
        if min(prior.height, prior.width, prior.length) <= 0:
            raise ValueError(f"The extents of part {prior.name!r} must be positive; got {value!r}.")
        return prior


# Seed Table 3, row by row. "Left" is the left side of the image, not of the body (seed section 5).
PAPER_PARTS = (
    PartPrior("head", 1 / 8, 3 / 11, 1 / 3, 1 / 2, 1 / 16, 1 / 2),
    PartPrior("left_arm", 3 / 16, 3 / 11, 2 / 3, 3 / 10, 1 / 2, 1 / 2),
    PartPrior("right_arm", 3 / 16, 3 / 11, 2 / 3, 7 / 10, 1 / 2, 1 / 2),
    PartPrior("torso", 1 / 2, 3 / 11, 1 / 3, 1 / 2, 3 / 8, 1 / 2),
    PartPrior("left_leg", 3 / 8, 5 / 11, 2 / 3, 3 / 10, 4 / 5, 1 / 2),
    PartPrior("right_leg", 3 / 8, 5 / 11, 2 / 3, 7 / 10, 4 / 5, 1 / 2),
)

# The authors' code: a wider head (4/11) and torso (10/11), one temporal stride for all, and another order of the paths.
RELEASE_PARTS = (
    PartPrior("head", 1 / 8, 4 / 11, 0.4, 0.5, 1 / 16, 0.5),
    PartPrior("torso", 1 / 2, 10 / 11, 0.4, 0.5, 3 / 8, 0.5),
    PartPrior("left_arm", 3 / 16, 3 / 11, 0.4, 0.3, 0.5, 0.5),
    PartPrior("right_arm", 3 / 16, 3 / 11, 0.4, 0.7, 0.5, 0.5),
    PartPrior("left_leg", 3 / 8, 5 / 11, 0.4, 0.3, 0.8, 0.5),
    PartPrior("right_leg", 3 / 8, 5 / 11, 0.4, 0.7, 0.8, 0.5),
)
