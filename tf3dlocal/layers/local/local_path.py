"""One local path: localization, sampling, feature extraction."""

from collections.abc import Mapping, Sequence

import keras
from keras import ops

from tf3dlocal.io import near_names
from tf3dlocal.io.types import Tensor
from tf3dlocal.layers.convolution.volume_convolution import VolumeConvolution
from tf3dlocal.layers.defaults import check_counts, derive_seed
from tf3dlocal.layers.local.localization_network import LocalizationNetwork
from tf3dlocal.layers.local.location import Location, check_geometry, decode_location, prior_distance
from tf3dlocal.layers.local.location_noise import LocationNoise
from tf3dlocal.layers.local.part_priors import PartPrior
from tf3dlocal.layers.sampling.samplers import SAMPLERS

OUTPUTS = ("features", "location", "prior_distance", "volume")  # sorted, as Keras lists a dict of outputs


@keras.saving.register_keras_serializable("tf3dlocal")
class LocalPath(keras.layers.Layer):
    """Path that finds one body part, samples its 3D volume and reads it with 3D convolutions.

        location = decode(LocalizationNetwork(global map))          (L)
        volume   = sampler(block input, location)                   (S)
        features = ReLU(conv3d(volume))                             (FE)

    Main paper section 3.2 and Fig. 2. geometry="release" is the geometry of the authors' code: offsets within the
    part's own extent, one spatial stride, a grid half a stride nearer to the origin, and round(width p_H H / (p_W W))
    rows, padded with zeros. With the mixture sampler that code decodes the centre in time twice, and so does this
    layer (geometry="release" only):

        center_t = round(c_t T) + tanh(c_t T + tanh(r_dt) T / 2) T / 2

    The inner sum is a number of frames, for which tanh is 1 unless the raw number is strongly negative: the part looks
    at the end of the clip, and most of its grid reads nothing.

    Args:
        prior: A `PartPrior`, or its fields as a mapping or sequence.
        channels: Filters of each feature convolution; 0 returns the sampled volume itself (main paper Table 5, "no
            FE").
        hidden_channels: Filters within the localization network.
        sampler: "mixture", "gaussian" or "trilinear".
        geometry: "paper" or "release".
        tied_strides: One stride for x and y, seven raw numbers instead of eight; None for the geometry's own (True in
            the release).
        registered: Return the volume at the location that it was cut from, zeros elsewhere, instead of filling the
            whole map with it.
        num_convolutions: Number of 3x3x3 convolutions with ReLU (one in the paper, two in the release).
        clip_length: Frames of a training clip, as in `LocalizationNetwork`.
        per_frame: A location for every frame, as in `LocalizationNetwork`.
        output_norm: Batch normalization of the raw numbers; None for the geometry's own (see `LocalizationNetwork`).
        jitter: In training the centre moves by this share of the part's extent (see `LocationNoise`).
        dropout: In training the part is left out of this share of the clips (see `LocationNoise`).
        synchronized: Synchronize the batch normalizations over replicas; None where the current strategy has several.
        seed: Seed of the initial weights.

    Call arguments:
        block_input: float [batch, frames, height, width, channels], the map that is sampled.
        global_map: float [batch, frames, height, width, channels], the map that the localization reads; gets no
            gradient.
        statistics: the `MapStatistics` of global_map, computed once for all paths of a block; None computes them here.

    Returns:
        dict of "features" [batch, frames, height, width, channels], "volume" (the sampled map, as block_input),
        "location" float32 [batch, 8] or [batch, frames, 8] (`Location` stacked, in cells of block_input) and
        "prior_distance" float32 [batch] (see `prior_distance`).

    Raises:
        ValueError: An unknown sampler or geometry, or a prior that does not fit.

    Example:
        >>> import numpy as np
        >>> from tf3dlocal.layers import PAPER_PARTS
        >>> head = LocalPath(PAPER_PARTS[0], channels=8, hidden_channels=4)
        >>> head(np.zeros((2, 6, 16, 11, 4), "float32"), np.zeros((2, 6, 16, 11, 16), "float32"))["features"].shape
        TensorShape([2, 6, 16, 11, 8])
    """

    def __init__(
        self,
        prior: PartPrior | Mapping | Sequence,
        *,
        channels: int,
        hidden_channels: int,
        sampler: str = "mixture",
        geometry: str = "paper",
        tied_strides: bool | None = None,
        registered: bool = False,
        num_convolutions: int = 1,
        clip_length: int = 30,
        per_frame: bool = False,
        output_norm: bool | None = None,
        jitter: float = 0.0,
        dropout: float = 0.0,
        synchronized: bool | None = None,
        seed: int | None = None,
        **kwargs,
    ) -> None:
        # Statistics and locations do not survive half precision: no autocast here, the sublayers cast their inputs.
        super().__init__(autocast=False, **kwargs)
        check_geometry(geometry)
        if sampler not in SAMPLERS:
            raise ValueError(f"Unknown sampler {sampler!r}. {near_names(str(sampler), SAMPLERS)}")
        check_counts("LocalPath", low=0, channels=channels)
        check_counts("LocalPath", num_convolutions=num_convolutions)
        self.prior = PartPrior.of(prior)
        self.channels = channels
        self.sampler_name = sampler
        self.geometry = geometry
        self.registered = registered
        self.localization = LocalizationNetwork(
            hidden_channels,
            num_outputs=7 if (geometry == "release" if tied_strides is None else tied_strides) else 8,
            geometry=geometry,
            clip_length=clip_length,
            per_frame=per_frame,
            output_norm=output_norm,
            synchronized=synchronized,
            seed=derive_seed(seed, name="localization"),
            dtype=self.dtype_policy,
            name="localization",
        )
        self.noise = LocationNoise(
            jitter=jitter, dropout=dropout, seed=derive_seed(seed, name="noise"), dtype="float32", name="noise"
        )
        names = [f"convolution_{index + 1}" for index in range(num_convolutions if channels else 0)]
        self.convolutions = [
            VolumeConvolution(channels, seed=derive_seed(seed, name=name), dtype=self.dtype_policy, name=name)
            for name in names
        ]

    def build(self, block_input_shape, global_map_shape):
        if tuple(block_input_shape[2:4]) != tuple(global_map_shape[2:4]):
            raise ValueError(
                f"{self.name}: block_input and global_map must have the same height and width; got "
                f"{tuple(block_input_shape[2:4])!r} and {tuple(global_map_shape[2:4])!r}."
            )
        self.localization.build(global_map_shape)
        height, width = block_input_shape[2:4]
        num_rows = None
        if self.geometry == "release":
            # Python rounds a half to the even number; the release's 6 rows of the head come from 5.5.
            num_rows = round(width * (self.prior.height * height) / (self.prior.width * width))
            if not 1 <= num_rows <= height:
                shape = "tall" if num_rows else "flat"
                raise ValueError(
                    f"{self.name} samples {num_rows} rows, but the map has only {height}. The part {self.prior.name!r} "
                    f'is too {shape} for its width in geometry="release": change its height or its width.'
                )
        self.sampler = SAMPLERS[self.sampler_name](
            num_rows=num_rows,
            geometry=self.geometry,
            registered=self.registered,
            dtype=self.dtype_policy,
            name="sampler",
        )
        shape = tuple(block_input_shape)
        for convolution in self.convolutions:
            convolution.build(shape)
            shape = (*shape[:-1], self.channels)

    def call(self, block_input, global_map, statistics=None, training=None):
        return self.read(block_input, self.locate(global_map, statistics=statistics, training=training))

    def locate(
        self, global_map: Tensor, *, statistics: dict[str, Tensor] | None = None, training: bool | None = None
    ) -> Tensor:
        """Locate the part: "location" of the result. The only step with statistics of the batch, and with chance.

        Where there are statistics, of global_map only the size is read.
        """
        _, num_frames, height, width, _ = ops.shape(global_map)
        if statistics is None:
            raw = self.localization(global_map, training=training)
        else:
            raw = self.localization.read(statistics, training=training)
        size = (num_frames, height, width)
        # Past Keras' __call__, which refuses a size of numbers and tensors.
        return self.noise.call(self.decode(raw, size), size=size, training=training)

    def read(self, block_input: Tensor, location: Tensor) -> dict[str, Tensor]:
        """Compute the whole result from the location, every clip independently of its batch."""
        _, num_frames, height, width, _ = ops.shape(block_input)
        size = (num_frames, height, width)
        start = self.decode(ops.zeros(self.localization.num_outputs, location.dtype), size)
        rows = self.sampler.sample(block_input, location)  # b t n x c
        features = rows
        for convolution in self.convolutions:
            # Without a bias, a convolution of padded rows is zero except for one row on either side: skip the others.
            features = ops.relu(convolution(_pad_by_a_row(features, height)))
        features = self.sampler.pad_rows(features, height)  # b t y x c
        return {
            "features": features,
            "volume": self.sampler.pad_rows(rows, height),
            "location": location,
            "prior_distance": prior_distance(Location.unstack(location), Location.unstack(start), size),
        }

    def decode(self, raw: Tensor, size: tuple) -> Tensor:
        """Turn raw numbers [..., 8 or 7] into stacked locations [..., 8] on a map of size (frames, height, width)."""
        location = decode_location(raw, self.prior, size, geometry=self.geometry)
        if self.geometry == "release" and self.sampler_name == "mixture":  # the second decoding, see above
            frames = ops.cast(size[0], raw.dtype)
            start = ops.round(self.prior.center_t * frames)  # a half to the even number, as in Python and PyTorch
            location = location._replace(center_t=start + ops.tanh(location.center_t) * (frames / 2))
        return location.stack()

    @property
    def outputs(self) -> dict[str, Tensor]:
        """The tensors that this layer of a functional model returns, by name."""
        return dict(zip(OUTPUTS, self.output, strict=True))

    def compute_output_shape(self, block_input_shape, global_map_shape, statistics_shape=None):
        per_frame = self.localization.per_frame
        return {
            "features": (*block_input_shape[:-1], self.channels or block_input_shape[-1]),
            "volume": tuple(block_input_shape),
            "location": (*global_map_shape[: 2 if per_frame else 1], 8),
            "prior_distance": tuple(global_map_shape[:1]),
        }

    def compute_output_spec(self, block_input, global_map, statistics=None, training=None):
        shapes = self.compute_output_shape(block_input.shape, global_map.shape)
        dtypes = {name: self.compute_dtype for name in shapes} | {"location": "float32", "prior_distance": "float32"}
        return {name: keras.KerasTensor(shape, dtypes[name]) for name, shape in shapes.items()}


def _pad_by_a_row(rows, height):
    """Add a row of zeros above and below, as far as a map of this height has room: the rows stay in its middle."""
    missing = height - ops.shape(rows)[2]
    if isinstance(missing, int) and missing == 0:
        return rows
    above, below = (min(1, side) for side in (missing // 2, missing - missing // 2))
    return ops.pad(rows, ((0, 0), (0, 0), (above, below), (0, 0), (0, 0)))
