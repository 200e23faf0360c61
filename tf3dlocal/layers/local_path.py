"""One local path: localization, sampling, feature extraction."""

import keras
from keras import ops

from tf3dlocal.layers.gaussian_sampler import GaussianSampler3D
from tf3dlocal.layers.localization_network import LocalizationNetwork
from tf3dlocal.layers.location import decode_location
from tf3dlocal.layers.mixture_sampler import MixtureSampler3D
from tf3dlocal.layers.own_seed import own_seed
from tf3dlocal.layers.part_priors import PartPrior
from tf3dlocal.layers.trilinear_sampler import TrilinearSampler3D
from tf3dlocal.layers.volume_convolution import VolumeConvolution

SAMPLERS = {"gaussian": GaussianSampler3D, "trilinear": TrilinearSampler3D, "mixture": MixtureSampler3D}


@keras.saving.register_keras_serializable("tf3dlocal")
class LocalPath(keras.layers.Layer):
    """Finds one body part, cuts its 3D volume out and reads it with 3D convolutions.

        location = decode(LocalizationNetwork(global map))          (L)
        volume   = sampler(block input, location)                   (S)
        features = ReLU(conv3d(volume))                             (FE)

    Main paper section 3.2 and Fig. 2. `rule="release"` is the geometry of the authors' code: offsets within the part's own
    extent, one spatial stride, a grid half a stride off, and round(width p_H H / (p_W W)) rows padded with zeros.

    Args:
        prior: a `PartPrior`, or its fields as a mapping or sequence.
        channels: filters of each feature convolution; 0 hands the sampled volume on as it is (the row before the last of
            the main paper's Table 5, "no FE").
        hidden_channels: filters within the localization network.
        sampler: "mixture", "gaussian" or "trilinear".
        rule: "paper" or "release".
        tied_strides: one stride for x and y, seven raw numbers in place of eight; None for the rule's own (True in the release).
        write_back: hand the volume on at the place it was cut from, zeros elsewhere, in place of filling the whole map with it.
        num_convolutions: 3x3x3 convolutions with ReLU (one in the paper, two in the release).
        clip_length, per_frame, synchronized, form, seed: as in `LocalizationNetwork`.

    Call arguments:
        block_input: float [batch, frames, height, width, channels], the map that is sampled.
        global_map: float [batch, frames, height, width, channels], the map that tells where; gets no gradient.

    Returns:
        dict of "features" [batch, frames, height, width, channels], "volume" (the sampled map, as block_input) and
        "location" float32 [batch, 8] or [batch, frames, 8] (`Location` stacked, in cells of block_input).

    Raises:
        ValueError: an unknown sampler or rule, or a prior that does not fit.

    Example:
        >>> import numpy as np
        >>> from tf3dlocal.layers import PAPER_PARTS
        >>> head = LocalPath(PAPER_PARTS[0], channels=8, hidden_channels=4)
        >>> head(np.zeros((2, 6, 16, 11, 4), "float32"), np.zeros((2, 6, 16, 11, 16), "float32"))["features"].shape
        TensorShape([2, 6, 16, 11, 8])
    """

    def __init__(
        self,
        prior,
        channels,
        hidden_channels,
        sampler="mixture",
        rule="paper",
        tied_strides=None,
        num_convolutions=1,
        clip_length=30,
        per_frame=False,
        synchronized=False,
        form="auto",
        seed=None,
        write_back=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if sampler not in SAMPLERS:
            raise ValueError(f"Unknown sampler {sampler!r}; there are {', '.join(SAMPLERS)}.")
        if rule not in ("paper", "release"):
            raise ValueError(f'rule is "paper" or "release", not {rule!r}.')
        self.prior = PartPrior.of(prior)
        self.channels = channels
        self.sampler_name = sampler
        self.rule = rule
        self.arguments = dict(
            prior=self.prior._asdict(),
            channels=channels,
            hidden_channels=hidden_channels,
            sampler=sampler,
            rule=rule,
            tied_strides=tied_strides,
            num_convolutions=num_convolutions,
            clip_length=clip_length,
            per_frame=per_frame,
            synchronized=synchronized,
            form=form,
            seed=seed,
            write_back=write_back,
        )
        tied = rule == "release" if tied_strides is None else tied_strides
        self.localization = LocalizationNetwork(
            hidden_channels,
            7 if tied else 8,
            rule,
            clip_length,
            per_frame,
            synchronized,
            form,
            own_seed(seed, "localization"),
            dtype=self.dtype_policy,
            name="localization",
        )
        names = [f"convolution_{index + 1}" for index in range(num_convolutions if channels else 0)]
        self.convolutions = [
            VolumeConvolution(channels, 3, form, own_seed(seed, name), dtype=self.dtype_policy, name=name)
            for name in names
        ]

    def get_config(self):
        return {**super().get_config(), **self.arguments}

    def build(self, block_input_shape, global_map_shape):
        if tuple(block_input_shape[2:4]) != tuple(global_map_shape[2:4]):
            raise ValueError(
                f"{self.name}: the sampled map is {tuple(block_input_shape[2:4])} cells high and wide, the "
                f"global map {tuple(global_map_shape[2:4])}; a local path needs both of one size."
            )
        self.localization.build(global_map_shape)
        height, width = block_input_shape[2:4]
        options = {"write_back": self.arguments["write_back"]}
        if self.rule == "release":
            # Python rounds a half to the even number; the release's 6 rows of the head come from 5.5.
            rows = round(width * (self.prior.height * height) / (self.prior.width * width))
            options |= dict(num_rows=rows, grid="release", coordinates="release")
        self.sampler = SAMPLERS[self.sampler_name](**options, dtype=self.dtype_policy, name="sampler")
        shape = tuple(block_input_shape)
        for convolution in self.convolutions:
            convolution.build(shape)
            shape = (*shape[:-1], self.channels)

    def call(self, block_input, global_map, training=None):
        return self.read(block_input, self.locate(global_map, training=training))

    def locate(self, global_map, training=None):
        """Where the part is, "location" of the result; the only step that asks for statistics of the batch."""
        _, num_frames, height, width, _ = ops.shape(global_map)
        return self.decode(self.localization(global_map, training=training), (num_frames, height, width))

    def read(self, block_input, location):
        """The whole result, given the location; clip by clip, whatever else is in the batch."""
        height = ops.shape(block_input)[2]
        rows = self.sampler.sample(block_input, location)  # b t n x c
        features = rows
        for convolution in self.convolutions:
            # A bias-free convolution of padded rows stays zero but for one row on either side: the others need no products.
            features = ops.relu(convolution(pad_by_a_row(features, height)))
        features = self.sampler.pad_rows(features, height)  # b t y x c
        return {"features": features, "volume": self.sampler.pad_rows(rows, height), "location": location}

    def decode(self, raw, size):
        """Raw numbers [..., 8 or 7] to stacked locations [..., 8] on a map of size (frames, height, width)."""
        round_center_t = self.rule == "release" and self.sampler_name == "mixture"
        return decode_location(raw, self.prior, size, self.rule, round_center_t).stack()

    def compute_output_shape(self, block_input_shape, global_map_shape):
        per_frame = self.localization.per_frame
        return {
            "features": (*block_input_shape[:-1], self.channels or block_input_shape[-1]),
            "volume": tuple(block_input_shape),
            "location": (*global_map_shape[: 2 if per_frame else 1], 8),
        }

    def compute_output_spec(self, block_input, global_map, training=None):
        shapes = self.compute_output_shape(block_input.shape, global_map.shape)
        dtypes = {name: self.compute_dtype for name in shapes} | {"location": "float32"}
        return {name: keras.KerasTensor(shape, dtypes[name]) for name, shape in shapes.items()}


def pad_by_a_row(rows, height):
    """One more row of zeros above and below, as far as a map of this height has room: the rows stay in its middle."""
    missing = height - ops.shape(rows)[2]
    above, below = (min(1, side) for side in (missing // 2, missing - missing // 2))
    return ops.pad(rows, ((0, 0), (0, 0), (above, below), (0, 0), (0, 0)))
