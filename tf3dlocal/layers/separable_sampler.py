"""What the three samplers have in common: a layer that cuts a located volume out of a map."""

import keras
from keras import ops

from tf3dlocal.layers.location import Location
from tf3dlocal.layers.sampling_filters import apply_filters, release_coordinates, sampling_grid


class SeparableSampler3D(keras.layers.Layer):
    """Base of the samplers: V = gamma F_t F_y F_x I with one filter matrix per axis, given by the subclass.

    The output has the map's own frames, height and width (M, N, L = W, H, T), so that it can be joined with the global
    map. A smaller number of sampled rows is padded with zeros above and below, as the release does.

    Args:
        num_rows: number of sampled rows N; None for the map's height.
        grid: "symmetric" about the centre (the paper's), or "release" (half a stride nearer to the origin).
        coordinates: "exact", or "release" where linear interpolation reads as the release's does (it rescales the
            position, and its mixture sampler halves every value); no effect on Gaussian axes.
        write_back: put the volume back where it was cut from, by the transposed filters, on a map that is zero elsewhere.
            See `write_back_filters`.

    Call arguments:
        volume: float [batch, frames, height, width, channels].
        location: `Location`, or its stacked form [batch, 8] or [batch, frames, 8]; always computed in float32. Where every
            frame has its own, time is cut by the mean over frames of its centre, stride and variance.

    Returns:
        float [batch, frames, height, width, channels].

    Raises:
        ValueError: unknown `grid` or `coordinates`, more rows than the map has, or write_back of locations per frame.
    """

    temporal_gain_of_release = 1.0

    def __init__(self, num_rows=None, grid="symmetric", coordinates="exact", write_back=False, **kwargs):
        # Centres and strides of up to a hundred cells do not survive half precision: no autocast here.
        super().__init__(autocast=False, **kwargs)
        if grid not in ("symmetric", "release"):
            raise ValueError(f'grid is "symmetric" or "release", not {grid!r}.')
        if coordinates not in ("exact", "release"):
            raise ValueError(f'coordinates is "exact" or "release", not {coordinates!r}.')
        self.num_rows = num_rows
        self.grid = grid
        self.coordinates = coordinates
        self.write_back = write_back

    def spatial_filter(self, positions, location, size):
        """Filter rows [..., points, size] along y or x. Given by the subclass."""
        raise NotImplementedError

    def temporal_filter(self, positions, location, size):
        """Filter rows [batch, points, size] along time. Given by the subclass."""
        raise NotImplementedError

    def linear_positions(self, positions, size):
        return positions if self.coordinates == "exact" else release_coordinates(positions, size)

    def filters(self, location, size):
        """The three filter matrices (rows, columns, frames) of a location on a map of size (frames, height, width)."""
        num_frames, height, width = size
        symmetric = self.grid == "symmetric"
        location = Location.unstack(location)
        clip = location
        if len(location.center_t.shape) == 2:  # frames have their own place in space; in time the clip has one
            clip = Location(*(ops.mean(field, axis=1) for field in location))
        rows = sampling_grid(location.center_y, location.stride_y, self.num_rows or height, symmetric)
        columns = sampling_grid(location.center_x, location.stride_x, width, symmetric)
        frames = sampling_grid(clip.center_t, clip.stride_t, num_frames, symmetric)
        gain = self.temporal_gain_of_release if self.coordinates == "release" else 1.0
        weight = (gain * clip.confidence)[:, None, None]
        frame_filter = self.temporal_filter(frames, clip, num_frames)
        if len(location.confidence.shape) == 2:  # a confidence per frame belongs to the frames that are read
            frame_filter, weight = frame_filter * location.confidence[:, None, :], gain
        return (
            self.spatial_filter(rows, location, height),
            self.spatial_filter(columns, location, width),
            frame_filter * weight,
        )

    def write_back_filters(self, location, size):
        """The transposed filters, each times its stride: together with `filters` they hand a window of the map through.

        Samples that lie s cells apart stand for s cells each. So V' = s F^T F I is on average the map itself, blurred by both
        filters, inside the window and zero outside, whatever the stride. The release has such a switch (off) without that
        factor: there a part that is sampled k times per cell comes back k times as large.
        """
        location = Location.unstack(location)
        if len(location.center_x.shape) == 2:
            raise ValueError(
                f"{self.name}: volumes of locations per frame cannot be written back; set write_back=False."
            )
        rows, columns, frames = self.filters(location._replace(confidence=ops.ones_like(location.confidence)), size)
        gain = self.temporal_gain_of_release if self.coordinates == "release" else 1.0  # once is enough
        strides = (location.stride_y, location.stride_x, location.stride_t / gain)
        return tuple(
            ops.swapaxes(matrix, -1, -2) * stride[:, None, None]
            for matrix, stride in zip((rows, columns, frames), strides)
        )

    def call(self, volume, location):
        return self.pad_rows(self.sample(volume, location), ops.shape(volume)[2])

    def sample(self, volume, location):
        """The volume as it is sampled, float [batch, frames, rows, width, channels], without the rows that are padded to it."""
        _, num_frames, height, width, _ = ops.shape(volume)
        if self.num_rows is not None and self.num_rows > height:
            raise ValueError(
                f"{self.name} samples {self.num_rows} rows, but the map has only {height}. A part that is "
                "taller than the map, at its prior width, does not fit: widen it or lower its height."
            )
        location = ops.cast(Location.unstack(location).stack(), "float32")
        size = (num_frames, height, width)

        def apply(values, filters):
            return apply_filters(values, *(ops.cast(matrix, self.compute_dtype) for matrix in filters))

        sampled = apply(ops.cast(volume, self.compute_dtype), self.filters(location, size))  # b t n x c
        if self.write_back:
            return apply(sampled, self.write_back_filters(location, size))  # b t y x c
        return sampled

    @staticmethod
    def pad_rows(rows, height):
        """Rows [batch, frames, rows, width, channels] in the middle of a map of this height, zeros above and below."""
        missing = height - ops.shape(rows)[2]
        if isinstance(missing, int) and missing == 0:
            return rows
        return ops.pad(rows, ((0, 0), (0, 0), (missing // 2, missing - missing // 2), (0, 0), (0, 0)))

    def compute_output_shape(self, volume_shape, location_shape=None):
        return tuple(volume_shape)
