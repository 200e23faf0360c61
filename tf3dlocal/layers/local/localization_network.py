"""The localization network: from a map to the eight raw numbers of a location (supplement Table 1)."""

from collections.abc import Callable

import keras
from keras import ops

from tf3dlocal.io.types import Tensor
from tf3dlocal.layers.convolution.volume_convolution import VolumeConvolution
from tf3dlocal.layers.defaults import batch_normalization, check_counts, derive_seed
from tf3dlocal.layers.local.location import check_geometry
from tf3dlocal.layers.local.map_statistics import map_statistics
from tf3dlocal.layers.local.normalized_max_pooling import NormalizedMaxPooling
from tf3dlocal.layers.pooling.max_pooling import adaptive_max_pool, halving_max_pool


def smooth_over_frames(raw: Tensor) -> Tensor:
    """Smooth over time: r_t + (r_(t-1) + r_(t-2)) / 2, with zeros before the first frame.

    The main paper's prior smoothing (section 4.2: the centre of frame t moves by the mean offset of the two preceding
    frames). It acts on raw values, before tanh, and no gradient reaches the preceding frames: so it is read from the
    release's per-frame variant, from which no output was recorded.

    Args:
        raw: float [batch, frames, values].

    Returns:
        float [batch, frames, values].
    """
    num_frames = ops.shape(raw)[1]
    before = ops.pad(ops.stop_gradient(raw), ((0, 0), (2, 0), (0, 0)))
    return raw + 0.5 * (before[:, 1 : num_frames + 1] + before[:, :num_frames])


def _pool_to_two(x: Tensor) -> Tensor:
    """Compute the maximum over 2 x 2 x 2 bins, as the release does instead of Pool5."""
    for axis in (1, 2, 3):
        x = adaptive_max_pool(x, num_bins=2, axis=axis)
    return x


@keras.saving.register_keras_serializable("tf3dlocal")
class LocalizationNetwork(keras.layers.Layer):
    """Network that reads a block's output map and emits the raw location of one body part.

        BN ReLU - Pool0 - Conv1 1x1x1 - BN ReLU - Conv2 3x3x3 - BN ReLU - Pool3 - Conv4 3x3x3 - BN ReLU - Pool5 - Fc6

    Supplement Table 1, with "BN + ReLU follow the input and each conv" from main paper 3.2.1. No gradient flows back
    into the map. Table 1's Fc6 reads T/8 frames, so it fits one clip length only. Here a maximum over a fixed number of
    time bins follows Pool5, so any length fits; the bins are as many as the frames that a training clip leaves (4 for
    30 frames, where the maximum changes nothing).

    geometry="release" is the network of the authors' code: no BN after Conv4, a maximum over 2 x 2 x 2 bins instead of
    Pool5, and a BN after Fc6.

    Args:
        hidden_channels: Filters of Conv1, Conv2 and Conv4 (C/4 in the supplement, C/2 in the release).
        num_outputs: 8, or 7 with one stride for x and y.
        geometry: "paper" or "release".
        clip_length: Frames of a training clip; fixes the number of time bins before Fc6.
        per_frame: Emit a location for every frame (main paper 4.2): no pooling over time, and Fc6 is shared by the
            frames. The offsets in x and y are smoothed over frames, and the two numbers of time (dt, delta_t) are means
            over the clip.
        output_norm: Batch normalization after Fc6; None for the geometry's own (in the release alone).
        synchronized: Synchronize the batch normalizations over replicas; None where the current strategy has several.
        seed: Seed of the initial weights.

    Call arguments:
        volume: float [batch, frames, height, width, channels].

    Returns:
        float32 [batch, num_outputs], or [batch, frames, num_outputs] with per_frame; order as in `decode_location`.

    Raises:
        ValueError: No filters, a clip without frames, an unknown geometry, another number of outputs, or per_frame
            with geometry="release".

    Example:
        >>> import numpy as np
        >>> LocalizationNetwork(4)(np.zeros((2, 30, 16, 11, 16), "float32")).shape
        TensorShape([2, 8])
    """

    def __init__(
        self,
        hidden_channels: int,
        *,
        num_outputs: int = 8,
        geometry: str = "paper",
        clip_length: int = 30,
        per_frame: bool = False,
        output_norm: bool | None = None,
        synchronized: bool | None = None,
        seed: int | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        check_geometry(geometry)
        if hidden_channels < 1:  # Keras would build it, and every clip would get the same location
            raise ValueError(f"A localization network needs at least one filter; got {hidden_channels!r}.")
        check_counts("LocalizationNetwork", clip_length=clip_length)
        if num_outputs not in (7, 8):
            raise ValueError(f"num_outputs must be 8, or 7 with one stride for x and y; got {num_outputs!r}.")
        if per_frame and geometry == "release":
            raise ValueError('Locations per frame need geometry="paper"; got geometry="release".')
        self.num_outputs = num_outputs
        self.geometry = geometry
        self.per_frame = per_frame
        self.time_bins = 2 if geometry == "release" else -(-clip_length // 8)

        def norm(name, dtype=None):
            return batch_normalization(name, synchronized=synchronized, dtype=dtype or self.dtype_policy)

        def convolution(name, kernel_size):
            return VolumeConvolution(
                hidden_channels,
                kernel_size=kernel_size,
                seed=derive_seed(seed, name=name),
                dtype=self.dtype_policy,
                name=name,
            )

        self.pool0 = NormalizedMaxPooling(
            halve_frames=not per_frame, synchronized=synchronized, dtype=self.dtype_policy, name="pool0"
        )
        self.conv1, self.norm1 = convolution("conv1", 1), norm("norm1")
        self.conv2, self.norm2 = convolution("conv2", 3), norm("norm2")
        self.conv4 = convolution("conv4", 3)
        self.norm4 = norm("norm4") if geometry == "paper" else None
        # Near zero, so that training starts with every part on its prior. Locations need float32.
        start = keras.initializers.RandomNormal(stddev=0.001, seed=derive_seed(seed, name="fc6"))
        self.fc6 = keras.layers.Dense(num_outputs, kernel_initializer=start, dtype="float32", name="fc6")
        has_output_norm = geometry == "release" if output_norm is None else output_norm
        self.output_norm = norm("output_norm", "float32") if has_output_norm else None

    def build(self, volume_shape):
        _, _, height, width, _ = volume_shape
        self.pool0.build(volume_shape)
        self.conv1.build(volume_shape)
        hidden = (None, None, None, None, self.conv1.filters)
        for layer in (self.norm1, self.conv2, self.norm2, self.conv4, *([self.norm4] if self.norm4 else [])):
            layer.build(hidden)
        for _ in range(3):
            height, width = (height + 1) // 2, (width + 1) // 2
        bins = (1 if self.per_frame else self.time_bins, height, width)
        if self.geometry == "release":
            bins = (2, 2, 2)
        self.fc6.build((None, bins[0] * bins[1] * bins[2] * self.conv1.filters))
        if self.output_norm:
            self.output_norm.build((None,) * (1 + self.per_frame) + (self.num_outputs,))

    def call(self, volume, training=None):
        return self.read(map_statistics(volume, halve_frames=not self.per_frame), training=training)

    def read(self, statistics: dict[str, Tensor], *, training: bool | None = None) -> Tensor:
        """Compute the result from the `MapStatistics` of the map."""
        x = statistics
        for _, stage in self.stages(training=training):
            x = stage(x)
        return x

    def stages(self, *, training: bool | None = None) -> list[tuple[str, Callable]]:
        """Return names and functions of the rows of supplement Table 1, in their order.

        The first function takes the `MapStatistics` of the map, each further one the result of the one before it.
        """

        def convolved(convolution, norm):
            return lambda x: ops.relu(norm(convolution(x), training=training) if norm else convolution(x))

        def pool(x):
            return halving_max_pool(x, halve_frames=not self.per_frame)

        stages = [
            ("pool0", lambda statistics: self.pool0.normalize(statistics, training=training)),  # b t y x c
            ("conv1", convolved(self.conv1, self.norm1)),
            ("conv2", convolved(self.conv2, self.norm2)),
            ("pool3", pool),
            ("conv4", convolved(self.conv4, self.norm4)),
            ("pool5", _pool_to_two if self.geometry == "release" else pool),
        ]
        if self.per_frame:
            return [*stages, ("fc6", lambda x: self._raw_per_frame(x, training=training))]
        if self.geometry == "paper":
            stages.append(("time bins", lambda x: adaptive_max_pool(x, num_bins=self.time_bins, axis=1)))
        return [*stages, ("fc6", lambda x: self._raw(x, training=training))]

    def _raw(self, x, *, training):
        raw = self.fc6(ops.reshape(x, (-1, self.fc6.kernel.shape[0])))  # b 8
        return self.output_norm(raw, training=training) if self.output_norm else raw

    def _raw_per_frame(self, x, *, training):
        num_frames = ops.shape(x)[1]
        raw = self.fc6(ops.reshape(x, (-1, num_frames, self.fc6.kernel.shape[0])))  # b t 8
        raw = self.output_norm(raw, training=training) if self.output_norm else raw
        mean = ops.broadcast_to(ops.mean(raw, axis=1, keepdims=True), ops.shape(raw))
        delta_t = self.num_outputs - 3  # index of the stride in time
        fields = [
            smooth_over_frames(raw[..., :2]),  # dx, dy
            mean[..., 2:3],  # dt
            raw[..., 3:delta_t],
            mean[..., delta_t : delta_t + 1],
            raw[..., delta_t + 1 :],
        ]
        return ops.concatenate(fields, axis=-1)

    def compute_output_shape(self, volume_shape):
        return (*volume_shape[: 2 if self.per_frame else 1], self.num_outputs)

    def compute_output_spec(self, volume, training=None):
        return keras.KerasTensor(self.compute_output_shape(volume.shape), "float32")  # under any policy
