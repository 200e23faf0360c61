"""Where one local path looks: eight named numbers, in cells of the map that is sampled."""

from typing import NamedTuple, Self

from keras import ops

from tf3dlocal.io.types import Tensor
from tf3dlocal.layers.local.part_priors import PartPrior

# Of strides and variance in the paper's geometry: factors from e^-8 to e^8.
LARGEST_EXPONENT = 8.0

LOCATION_FIELDS = ("center_x", "center_y", "center_t", "stride_x", "stride_y", "stride_t", "variance", "confidence")


class Location(NamedTuple):
    """A located 3D volume; every field is a tensor [batch], or [batch, frames] with a location per frame.

    The volume is a regular grid around the centre: along x its points lie `stride_x` cells apart, so a grid of `width`
    points covers `stride_x * width` cells. Cell p of the map has its centre at coordinate p. Main paper Eq. 4-10.

    Attributes:
        center_x: Centre of the grid (c_x + Delta_x), in cells.
        center_y: Centre of the grid (c_y + Delta_y), in cells.
        center_t: Centre of the grid (c_t + Delta_t), in frames.
        stride_x: Distance of neighbouring grid points (delta_x), in cells.
        stride_y: Distance of neighbouring grid points (delta_y), in cells.
        stride_t: Distance of neighbouring grid points (delta_t), in frames.
        variance: Variance of the Gaussian filters (sigma^2), in cells squared.
        confidence: Weight of the whole volume (gamma), 0..1.

    Example:
        >>> import numpy as np
        >>> Location.unstack(np.arange(8.0)[None]).stride_x.numpy()
        array([3.])
    """

    center_x: Tensor
    center_y: Tensor
    center_t: Tensor
    stride_x: Tensor
    stride_y: Tensor
    stride_t: Tensor
    variance: Tensor
    confidence: Tensor

    def stack(self) -> Tensor:
        """Join the fields to one tensor [..., 8], in their order: the form that layers exchange."""
        return ops.stack(list(self), axis=-1)

    @classmethod
    def unstack(cls, stacked: Self | Tensor) -> Self:
        """Name the last axis of a tensor [..., 8].

        Raises:
            ValueError: The last axis has another length.
        """
        if isinstance(stacked, cls):
            return stacked
        if stacked.shape[-1] != len(LOCATION_FIELDS):
            raise ValueError(
                f"A location has {len(LOCATION_FIELDS)} numbers on its last axis "
                f"({', '.join(LOCATION_FIELDS)}); got the shape {tuple(stacked.shape)!r}."
            )
        return cls(*ops.unstack(stacked, axis=-1))


def check_geometry(geometry: str) -> None:
    """Check that the geometry is "paper", as the paper describes it, or "release", as the authors' code has it.

    Raises:
        ValueError: Another value.
    """
    if geometry not in ("paper", "release"):
        raise ValueError(f'geometry must be "paper" or "release"; got {geometry!r}.')


def decode_location(
    raw: Tensor, prior: PartPrior, size: tuple[int | Tensor, int, int], *, geometry: str = "paper"
) -> Location:
    """Turn the raw numbers of a localization network into a `Location`.

        center_x = c_x W - 1/2 + tanh(r_dx) W / 2        stride_x = p_W exp(bounded(r_delta_x))
        variance = 0.1 exp(bounded(r_sigma))             confidence = sigmoid(r_gamma)

    and the same for y (H, p_H) and t (T, p_T), with bounded(r) = 8 tanh(r / 8). With raw = 0 the grid covers exactly
    the prior part.

    That is geometry="paper". Three things in it are decisions of this project, since Eq. 3-10 leave them open:

    - c W measures from the map's edge, and cell p has its centre at coordinate p, which is p + 1/2 from the edge: so
      the centre is c W - 1/2. Priors that mirror each other in x, y or t then lie on mirrored cells, and a part is at
      the same place of the silhouette in every block.
    - The prior factor of the strides and the 0.1 of the variance come from the release. The printed exponentials alone
      would start every part as a copy of the whole map, blurred by a full cell.
    - An exponential has no bound, and gradients are no longer finite from raw numbers of about 60 on. The bound allows
      factors from 1/2981 to 2981; it lowers a raw number of 0.1 by 5e-6, of 1 by 0.005, of 2 by 0.04.

    geometry="release" is what the authors' code computes: the centre c W + tanh(r_dx) R_x / 2 with the part's own
    prior extent as the range of its offset (R_x = p_W W; in time R_t = T), the exponential without a bound (a batch
    normalization precedes it, which keeps the raw numbers of a training batch near one; from 89 on a stride is infinite
    in float32), and the part's width as the factor of the strides of both x and y.

    Args:
        raw: float [..., 8] in the supplement's order (dx, dy, dt, delta_x, delta_y, delta_t, sigma^2, gamma), or [...,
            7] with one stride for x and y (dx, dy, dt, delta_xy, delta_t, sigma^2, gamma), as in the release.
        prior: Prior of the part.
        size: (frames, height, width) of the sampled map; frames may be a scalar tensor.
        geometry: "paper" or "release".

    Returns:
        Location with fields of shape [...].

    Raises:
        ValueError: Another number of raw values, or an unknown geometry.
    """
    check_geometry(geometry)
    count = raw.shape[-1]
    if count not in (7, 8):
        raise ValueError(f"A localization network has 8 or 7 outputs; got the shape {tuple(raw.shape)!r}.")
    if count == 7:
        raw = ops.concatenate([raw[..., :4], raw[..., 3:]], axis=-1)
    moves, logarithms, logit_confidence = raw[..., :3], raw[..., 3:7], raw[..., 7:]
    frames, height, width = size
    frames = ops.cast(frames, raw.dtype)
    ranges, prior_stride_y, first_cell = (width, height, frames), prior.height, 0.5  # from the edge, in cells
    factor = _bounded_exponential
    if geometry == "release":
        ranges, prior_stride_y, first_cell = (prior.width * width, prior.height * height, frames), prior.width, 0.0
        factor = ops.exp
    centers = [
        share * cells - first_cell
        for share, cells in zip((prior.center_x, prior.center_y, prior.center_t), (width, height, frames), strict=True)
    ]
    centers, ranges = (
        ops.cast(ops.stack(each), raw.dtype) for each in (centers, ranges)
    )  # numpy's numbers have a type
    fields = [
        centers + ops.tanh(moves) * (ranges / 2),
        ops.convert_to_tensor([prior.width, prior_stride_y, prior.length, 0.1], raw.dtype) * factor(logarithms),
        ops.sigmoid(logit_confidence),
    ]
    return Location.unstack(ops.concatenate(fields, axis=-1))


def prior_distance(location: Location, start: Location, size: tuple[int | Tensor, int, int]) -> Tensor:
    """Compute how far a part is from its prior: the mean square of six numbers, those of a penalty.

    They are the moves of the centre as shares of the map's size in x, y and t, and the natural logarithms of the
    strides' ratios to the prior strides. A move by a tenth of the map counts like a stride that is a tenth larger.

    Args:
        location: Fields [batch] or [batch, frames].
        start: The prior location, scalar fields: `decode_location` of zeros.
        size: (frames, height, width) of the sampled map.

    Returns:
        float [batch]; 0 on the prior.
    """
    frames, height, width = (ops.cast(cells, location.center_x.dtype) for cells in size)
    moves = [
        (location.center_x - start.center_x) / width,
        (location.center_y - start.center_y) / height,
        (location.center_t - start.center_t) / frames,
        ops.log(location.stride_x / start.stride_x),
        ops.log(location.stride_y / start.stride_y),
        ops.log(location.stride_t / start.stride_t),
    ]
    squares = ops.mean(ops.square(ops.stack(moves, axis=-1)), axis=-1)  # b or b t
    return squares if len(squares.shape) == 1 else ops.mean(squares, axis=1)


def _bounded_exponential(raw):
    return ops.exp(LARGEST_EXPONENT * ops.tanh(raw / LARGEST_EXPONENT))
