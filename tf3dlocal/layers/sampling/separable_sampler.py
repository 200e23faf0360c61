"""The base of the three samplers: a layer that cuts a located volume out of a map."""

import keras
from keras import ops

from tf3dlocal.io.types import Tensor
from tf3dlocal.layers.defaults import check_counts
from tf3dlocal.layers.local.location import Location, check_geometry
from tf3dlocal.layers.sampling.filters import (
    apply_filters,
    apply_in_reverse,
    gaussian_filter,
    linear_filter,
    release_coordinates,
    sampling_grid,
)

LARGEST_WEIGHT = 16.0  # of a registered sample along one axis; 16^3 fits into float16


class SeparableSampler3D(keras.layers.Layer):
    """Base of the samplers: V = gamma F_t F_y F_x I, with one filter matrix per axis.

    A subclass names the kinds of its filters, "gaussian" or "linear".

    The output has the map's own frames, height and width (M, N, L = W, H, T), so that it can be joined with the global
    map. Fewer sampled rows than that are padded with zeros above and below, as in the release.

    geometry="release" is the sampling of the authors' code. The grid lies half a stride nearer to the origin. Linear
    interpolation rescales the positions (see `release_coordinates`), and the mixture sampler halves every value.

    Args:
        num_rows: Number of sampled rows N; None for the map's height.
        geometry: "paper" or "release".
        registered: Return the volume at the location that it was cut from, on a map that is zero elsewhere. See
            `transposed_filters`.

    Call arguments:
        volume: float [batch, frames, height, width, channels] (I).
        location: `Location`, or its stacked form [batch, 8] or [batch, frames, 8]; always computed in float32. With a
            location per frame, time is sampled with the means over the frames of its centre, stride and variance.

    Returns:
        float [batch, frames, height, width, channels] (V).

    Raises:
        ValueError: An unknown geometry, or more rows than the map has.
    """

    FILTER_IN_SPACE: str
    FILTER_IN_TIME: str
    # Factor of the weights along time that the release's sampler has in addition.
    RELEASE_TIME_GAIN = 1.0

    def __init__(
        self, *, num_rows: int | None = None, geometry: str = "paper", registered: bool = False, **kwargs
    ) -> None:
        # Centres and strides of up to a hundred cells do not survive half precision: no autocast here.
        super().__init__(autocast=False, **kwargs)
        check_geometry(geometry)
        if num_rows is not None:
            check_counts(type(self).__name__, num_rows=num_rows)
        self.num_rows = num_rows
        self.geometry = geometry
        self.registered = registered
        self.time_gain = self.RELEASE_TIME_GAIN if geometry == "release" else 1.0

    def _filter(self, kind, positions, *, variance, size):
        """Compute the filter rows [..., points, size] of a kind along one axis."""
        if kind == "gaussian":
            return gaussian_filter(positions, variance, size)
        return linear_filter(release_coordinates(positions, size) if self.geometry == "release" else positions, size)

    def filters(self, location: Location | Tensor, size: tuple) -> tuple[Tensor, Tensor, Tensor]:
        """Compute the filter matrices (rows, columns, frames) for a map of size (frames, height, width)."""
        num_frames, height, width = size
        location = Location.unstack(location)
        clip = location
        if len(location.center_t.shape) == 2:  # every frame has its location in space; in time the clip has one
            clip = Location(*(ops.mean(field, axis=1) for field in location))
        rows = sampling_grid(location.center_y, location.stride_y, self.num_rows or height, geometry=self.geometry)
        columns = sampling_grid(location.center_x, location.stride_x, width, geometry=self.geometry)
        frames = sampling_grid(clip.center_t, clip.stride_t, num_frames, geometry=self.geometry)
        weight = (self.time_gain * clip.confidence)[:, None, None]
        frame_filter = self._filter(self.FILTER_IN_TIME, frames, variance=clip.variance, size=num_frames)
        if len(location.confidence.shape) == 2:  # a confidence per frame belongs to the frames that are read
            frame_filter, weight = frame_filter * location.confidence[:, None, :], self.time_gain
        return (
            self._filter(self.FILTER_IN_SPACE, rows, variance=location.variance, size=height),
            self._filter(self.FILTER_IN_SPACE, columns, variance=location.variance, size=width),
            frame_filter * weight,
        )

    def transposed_filters(self, location: Location | Tensor, size: tuple) -> tuple[Tensor, Tensor, Tensor]:
        """Compute the transposed filters, each times its stride, which return the samples to their location.

        Samples that lie s cells apart represent s cells each. So V' = s F^T F I is on average the map itself, blurred
        by both filters, inside the window and zero outside, for any stride. (The release's code has a switch, off,
        without the factor s, which is not reproduced: a part that is sampled k times per cell would return k times as
        large.) Strides above 16 cells count as 16: a lone sample would otherwise return with a weight that float16
        cannot hold.
        """
        location = Location.unstack(location)
        rows, columns, frames = self.filters(location._replace(confidence=ops.ones_like(location.confidence)), size)
        stride_t = location.stride_t
        if len(stride_t.shape) == 2:  # in time the clip has one location, as in `filters`
            stride_t = ops.mean(stride_t, axis=1)
        strides = (location.stride_y, location.stride_x, stride_t)
        gains = (1.0, 1.0, self.time_gain)  # the gain counts once
        return tuple(
            ops.swapaxes(matrix, -1, -2) * (ops.minimum(stride, LARGEST_WEIGHT)[..., None, None] / gain)
            for matrix, stride, gain in zip((rows, columns, frames), strides, gains)
        )

    def call(self, volume, location):
        return self.pad_rows(self.sample(volume, location), ops.shape(volume)[2])

    def sample(self, volume: Tensor, location: Location | Tensor) -> Tensor:
        """Sample without padding: float [batch, frames, rows, width, channels]."""
        _, num_frames, height, width, _ = ops.shape(volume)
        if self.num_rows is not None and self.num_rows > height:
            raise ValueError(
                f"{self.name} samples {self.num_rows} rows, but the map has only {height}. The part is too tall for "
                "its width in this geometry: widen the prior, or lower its height."
            )
        location = ops.cast(Location.unstack(location).stack(), "float32")
        size = (num_frames, height, width)

        def cast(filters):
            return (ops.cast(matrix, self.compute_dtype) for matrix in filters)

        sampled = apply_filters(ops.cast(volume, self.compute_dtype), *cast(self.filters(location, size)))  # b t n x c
        if self.registered:
            return apply_in_reverse(sampled, *cast(self.transposed_filters(location, size)))  # b t y x c
        return sampled

    @staticmethod
    def pad_rows(rows: Tensor, height: int) -> Tensor:
        """Center rows [batch, frames, rows, width, channels] in a map of this height, with zeros above and below."""
        missing = height - ops.shape(rows)[2]
        if isinstance(missing, int) and missing == 0:
            return rows
        return ops.pad(rows, ((0, 0), (0, 0), (missing // 2, missing - missing // 2), (0, 0), (0, 0)))

    def compute_output_shape(self, volume_shape, location_shape=None):
        return tuple(volume_shape)
