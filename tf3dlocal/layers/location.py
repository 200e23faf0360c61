"""Where one local path looks: eight numbers with names, in cells of the map that is sampled."""

from typing import NamedTuple

from keras import ops

LOCATION_FIELDS = ("center_x", "center_y", "center_t", "stride_x", "stride_y", "stride_t", "variance", "confidence")


class Location(NamedTuple):
    """A located 3D volume; every field is a tensor [batch], or [batch, frames] where each frame has its own place.

    The volume is a regular grid around the centre: along x its points lie `stride_x` cells apart, so a grid of
    `width` points covers `stride_x * width` cells. Cell p of the map has its own centre at coordinate p.

    Fields (the paper's symbol, source: main paper Eq. 4-10):
        center_x, center_y, center_t: centre of the grid, from c + Delta, in cells and frames.
        stride_x, stride_y, stride_t: distance of neighbouring grid points (delta), in cells and frames.
        variance: variance of the Gaussian filters (sigma^2), in cells squared.
        confidence: weight of the whole volume (gamma), 0..1.

    Example:
        >>> import numpy as np
        >>> Location.unstack(np.arange(8.0)[None]).stride_x
        array([3.])
    """

    center_x: object
    center_y: object
    center_t: object
    stride_x: object
    stride_y: object
    stride_t: object
    variance: object
    confidence: object

    def stack(self):
        """The eight numbers as one tensor [..., 8], in the order of the fields: the form that travels between layers."""
        return ops.stack(list(self), axis=-1)

    @classmethod
    def unstack(cls, stacked):
        """Names for the last axis of a tensor [..., 8]. Raises ValueError for any other length of that axis."""
        if isinstance(stacked, cls):
            return stacked
        if stacked.shape[-1] != len(LOCATION_FIELDS):
            raise ValueError(
                f"A location has {len(LOCATION_FIELDS)} numbers on its last axis "
                f"({', '.join(LOCATION_FIELDS)}), but the shape is {tuple(stacked.shape)}."
            )
        return cls(*(stacked[..., index] for index in range(len(LOCATION_FIELDS))))


def decode_location(raw, prior, size, rule="paper", round_center_t=False):
    """Turn the raw outputs of a localization network into a `Location`.

        center_x = c_x W + tanh(r_dx) R_x / 2        stride_x = p_W exp(r_delta_x)
        variance = 0.1 exp(r_sigma)                  confidence = sigmoid(r_gamma)

    and the same for y (H, p_H) and t (T, p_T). With raw = 0 the grid covers exactly the prior part.

    Two rules. They differ in the range R of the offset: "paper" lets a part move over the whole map (R_x = W, Eq. 4);
    "release", the authors' code, over its own prior extent (R_x = p_W W; time over T in both). The prior factor of the
    strides and 0.1 of the variance are the release's; Eq. 4-10 print the exponentials alone, which would start every
    part as a copy of the whole map, blurred by a full cell.

    Args:
        raw: float [..., 8] in the seed's order (dx, dy, dt, delta_x, delta_y, delta_t, sigma^2, gamma), or [..., 7] with
            one stride for x and y (dx, dy, dt, delta_xy, delta_t, sigma^2, gamma), as in the release.
        prior: a `PartPrior`.
        size: (frames, height, width) of the sampled map; frames may be a scalar tensor.
        rule: "paper" or "release".
        round_center_t: start from round(c_t T) in place of c_t T, as the release's mixture sampler does.

    Returns:
        Location with fields of shape [...].

    Raises:
        ValueError: another number of raw values, or an unknown rule.
    """
    if rule not in ("paper", "release"):
        raise ValueError(f'The rule is "paper" or "release", not {rule!r}.')
    count = raw.shape[-1]
    if count not in (7, 8):
        raise ValueError(f"A localization network emits 8 or 7 numbers, but the last axis has {count}.")
    raw = [raw[..., index] for index in range(count)]
    if count == 7:
        raw.insert(4, raw[3])
    dx, dy, dt, log_stride_x, log_stride_y, log_stride_t, log_variance, logit_confidence = raw
    frames, height, width = size
    frames = ops.cast(frames, dx.dtype)
    range_x, range_y = (width, height) if rule == "paper" else (prior.width * width, prior.height * height)
    center_t = prior.center_t * frames
    if round_center_t:
        center_t = ops.round(center_t)
    # In the release one stride, scaled by the part's width, serves x and y.
    prior_stride_y = prior.height if rule == "paper" else prior.width
    return Location(
        center_x=prior.center_x * width + ops.tanh(dx) * (range_x / 2),
        center_y=prior.center_y * height + ops.tanh(dy) * (range_y / 2),
        center_t=center_t + ops.tanh(dt) * (frames / 2),
        stride_x=prior.width * ops.exp(log_stride_x),
        stride_y=prior_stride_y * ops.exp(log_stride_y),
        stride_t=prior.length * ops.exp(log_stride_t),
        variance=0.1 * ops.exp(log_variance),
        confidence=ops.sigmoid(logit_confidence),
    )
