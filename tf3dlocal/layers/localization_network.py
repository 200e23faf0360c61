"""The localization network: a map in, eight raw numbers out (seed Table 1)."""

import keras
from keras import ops

from tf3dlocal.layers.adaptive_max_pool import adaptive_max_pool
from tf3dlocal.layers.batch_normalization import batch_normalization
from tf3dlocal.layers.halving_max_pool import halving_max_pool
from tf3dlocal.layers.normalized_max_pooling import NormalizedMaxPooling
from tf3dlocal.layers.own_seed import own_seed
from tf3dlocal.layers.volume_convolution import VolumeConvolution


def smooth_over_frames(raw):
    """Add half of each of the two frames before to every frame: r_t + (r_(t-1) + r_(t-2)) / 2, zeros before the first.

    The main paper's prior smoothing (section 4.2: the centre of frame t moves by the mean offset of the two frames
    before). As in the release it acts on raw values, before tanh, and no gradient reaches the frames before.

    Args:
        raw: float [batch, frames, values].

    Returns:
        float [batch, frames, values].
    """
    num_frames = ops.shape(raw)[1]
    before = ops.pad(ops.stop_gradient(raw), ((0, 0), (2, 0), (0, 0)))
    return raw + 0.5 * (before[:, 1 : num_frames + 1] + before[:, :num_frames])


@keras.saving.register_keras_serializable("tf3dlocal")
class LocalizationNetwork(keras.layers.Layer):
    """Reads a block's output map and emits the raw location of one body part.

        BN ReLU - Pool0 - Conv1 1x1x1 - BN ReLU - Conv2 3x3x3 - BN ReLU - Pool3 - Conv4 3x3x3 - BN ReLU - Pool5 - Fc6

    Seed Table 1, with "BN + ReLU follow the input and each conv" from main paper 3.2.1. No gradient flows back into the
    map. Table 1's Fc6 sees T/8 frames, so it fits one clip length only: behind Pool5 a maximum over as many time bins as
    the training length gives (4 for 30 frames, where it changes nothing) makes any length fit. With `style="release"`
    the authors' code is followed: no BN behind Conv4, Pool5 replaced by a maximum over 2 x 2 x 2 bins, and a BN behind Fc6.

    Args:
        hidden_channels: filters of Conv1, Conv2, Conv4 (C/4 in the seed, C/2 in the release).
        num_outputs: 8, or 7 with one stride for x and y.
        style: "paper" or "release".
        clip_length: frames of a training clip; fixes the number of time bins in front of Fc6.
        per_frame: emit a location for every frame (main paper 4.2): no pooling over time, Fc6 shared by the frames; offsets
            in x and y are smoothed over frames, and the two numbers of time (dt, delta_t) are means over the clip.
        synchronized: synchronize the batch normalizations over replicas.
        form: as in `VolumeConvolution`.
        seed: seed of the first weights.

    Call arguments:
        volume: float [batch, frames, height, width, channels].

    Returns:
        float32 [batch, num_outputs], or [batch, frames, num_outputs] per frame; order as in `decode_location`.

    Raises:
        ValueError: no filters, unknown style, another number of outputs, or per_frame with style "release".

    Example:
        >>> import numpy as np
        >>> LocalizationNetwork(4)(np.zeros((2, 30, 16, 11, 16), "float32")).shape
        TensorShape([2, 8])
    """

    def __init__(
        self,
        hidden_channels,
        num_outputs=8,
        style="paper",
        clip_length=30,
        per_frame=False,
        synchronized=False,
        form="auto",
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if hidden_channels < 1:  # Keras would build it, and every clip would get the same location
            raise ValueError(f"A localization network needs at least one filter; got {hidden_channels}.")
        if style not in ("paper", "release"):
            raise ValueError(f'style is "paper" or "release", not {style!r}.')
        if num_outputs not in (7, 8):
            raise ValueError(f"A location has 8 raw numbers, or 7 with one stride for x and y; got {num_outputs}.")
        if per_frame and style == "release":
            raise ValueError('Locations per frame are offered with style="paper" only.')
        self.num_outputs = num_outputs
        self.style = style
        self.per_frame = per_frame
        self.time_bins = 2 if style == "release" else -(-clip_length // 8)
        self.form = form

        def norm(name, dtype=None):
            return batch_normalization(name, synchronized, dtype or self.dtype_policy)

        def convolution(kernel_size, name):
            return VolumeConvolution(
                hidden_channels, kernel_size, form, own_seed(seed, name), dtype=self.dtype_policy, name=name
            )

        self.pool0 = NormalizedMaxPooling(not per_frame, synchronized, form, dtype=self.dtype_policy, name="pool0")
        self.conv1, self.norm1 = convolution(1, "conv1"), norm("norm1")
        self.conv2, self.norm2 = convolution(3, "conv2"), norm("norm2")
        self.conv4 = convolution(3, "conv4")
        self.norm4 = norm("norm4") if style == "paper" else None
        # Near zero, so that training starts with every part on its prior. Numbers of places stay in float32.
        start = keras.initializers.RandomNormal(stddev=0.001, seed=own_seed(seed, "fc6"))
        self.fc6 = keras.layers.Dense(num_outputs, kernel_initializer=start, dtype="float32", name="fc6")
        self.output_norm = norm("output_norm", "float32") if style == "release" else None

    def build(self, volume_shape):
        batch, _, height, width, _ = volume_shape
        self.pool0.build(volume_shape)
        self.conv1.build(volume_shape)
        hidden = (None, None, None, None, self.conv1.filters)
        for layer in (self.norm1, self.conv2, self.norm2, self.conv4, *([self.norm4] if self.norm4 else [])):
            layer.build(hidden)
        for _ in range(3):
            height, width = (height + 1) // 2, (width + 1) // 2
        rows, columns, bins = (
            (2, 2, 2) if self.style == "release" else (height, width, 1 if self.per_frame else self.time_bins)
        )
        self.fc6.build((None, bins * rows * columns * self.conv1.filters))
        if self.output_norm:
            self.output_norm.build((None, self.num_outputs))

    def call(self, volume, training=None):
        def pool(values):
            return halving_max_pool(values, self.form, halve_frames=not self.per_frame)

        x = self.pool0(volume, training=training)  # b t y x c
        x = ops.relu(self.norm1(self.conv1(x), training=training))
        x = pool(ops.relu(self.norm2(self.conv2(x), training=training)))  # pool3
        x = self.conv4(x)
        x = ops.relu(self.norm4(x, training=training) if self.norm4 else x)
        if self.style == "release":
            for axis in (1, 2, 3):
                x = adaptive_max_pool(x, 2, axis)
        else:
            x = pool(x)  # pool5
        if self.per_frame:
            return self.raw_per_frame(x)
        x = adaptive_max_pool(x, self.time_bins, axis=1)
        raw = self.fc6(ops.reshape(x, (-1, self.fc6.kernel.shape[0])))  # b 8
        return self.output_norm(raw, training=training) if self.output_norm else raw

    def raw_per_frame(self, x):
        num_frames = ops.shape(x)[1]
        raw = self.fc6(ops.reshape(x, (-1, num_frames, self.fc6.kernel.shape[0])))  # b t 8
        dx_dy = smooth_over_frames(raw[..., :2])
        index_stride_t = self.num_outputs - 3
        mean = ops.broadcast_to(ops.mean(raw, axis=1, keepdims=True), ops.shape(raw))
        return ops.concatenate(
            [
                dx_dy,
                mean[..., 2:3],
                raw[..., 3:index_stride_t],
                mean[..., index_stride_t : index_stride_t + 1],
                raw[..., index_stride_t + 1 :],
            ],
            axis=-1,
        )

    def compute_output_shape(self, volume_shape):
        return (*volume_shape[: 2 if self.per_frame else 1], self.num_outputs)

    def compute_output_spec(self, volume, training=None):
        return keras.KerasTensor(self.compute_output_shape(volume.shape), "float32")  # under any policy
