"""A 3DLocal of a few hundred weights, for tests of the figures and tables."""

from tf3dlocal.models import ThreeDLocal

PARTS = [["head", 0.25, 0.3, 0.5, 0.5, 0.1, 0.5], ["legs", 0.4, 0.6, 1, 0.5, 0.8, 0.25]]


def small_model(**options):
    """A 3DLocal of a few hundred weights, with two parts in its last two blocks."""
    arguments = {"channels": (2, 2, 4), "parts": PARTS, "local_blocks": (2, 3), "num_strips": 4, "clip_length": 8}
    return ThreeDLocal(**{**arguments, "embedding_channels": 3, "seed": 0, **options})
