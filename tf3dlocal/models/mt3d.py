"""MT3D (Lin, Zhang and Bao, ACM MM 2020): 3D convolutions at two temporal scales."""

from collections.abc import Sequence

import keras

from tf3dlocal.layers import (
    BasicBlock3D,
    FramePooling,
    HorizontalPyramidPooling,
    LeakyReLU,
    LocalTransform,
    SetPooling,
    VolumeConvolution,
    derive_seed,
)
from tf3dlocal.models import agreement
from tf3dlocal.models.arguments import checked
from tf3dlocal.models.building import resolve_arguments
from tf3dlocal.models.gait_model import GaitModel
from tf3dlocal.models.heads import embedding_head

PRESETS = {"paper": dict(interval=3, num_strips=32, compact_channels=0)}


@checked(PRESETS, agreement=agreement.mt3d)
def MT3D(
    preset: str = "paper",
    *,
    num_classes: int | None = None,
    input_shape: Sequence[int | None] = (None, 64, 44, 1),
    channels: Sequence[int] = (32, 64, 128),
    interval: int | None = None,
    num_strips: int | None = None,
    embedding_channels: int = 256,
    compact_channels: int | None = None,
    dropout: float = 0.9,
    synchronized: bool | None = None,
    dtype: str | keras.DTypePolicy | None = None,
    seed: int | None = None,
    name: str = "mt3d",
) -> keras.Model:
    """Build MT3D as a functional model.

    A 3D convolution, then two branches: the small scale reads every frame, the large scale one frame in three, fused by
    a local transform. Each has three basic 3D blocks (B3D), with one pooling of every frame after the first; after the
    pooling and at the end, the local transform of the small scale is added to the large one. Maximum over frames, 32
    strips per branch, one linear map per strip.

    No code of MT3D is public. Known from the author's own figure: the first layer, the two branches with their blocks,
    the pooling (1, 2, 2), the places of the local transform, strips by mean plus maximum, separate linear maps, triplet
    loss. From derived models: the local transform as a convolution (3, 1, 1) of stride 3, B3D as a sum of three
    convolutions. **Inferred here**: the channels, 32 strips per branch, the maximum over frames, features of 256
    numbers, no bias. There is no OU-MVLP result; channels (64, 128, 256) double it as other methods do there.

    Args:
        preset: "paper", the only one.
        num_classes: Number of training subjects; adds a classifier and the output "logits" (not in the paper). Needs a
            compact block.
        input_shape: (frames or None, height, width, 1); (None, 64, 44, 1) or (None, 128, 88, 1).
        channels: Channels of the three layers.
        interval: Frames that the local transform fuses (the large scale); None for the preset's.
        num_strips: Strips per branch; must divide half the input's height; None for the preset's.
        embedding_channels: Length of one strip's feature.
        compact_channels: Length of the embedding of GLN's compact block, which MT3D itself does not have; 0 for no
            compact block, None for the preset's (0).
        dropout: Dropout of the compact block.
        synchronized: Synchronize batch normalization over the replicas of a `tf.distribute` strategy; None does so
            where the strategy in whose scope the model is built has several.
        dtype: Dtype policy of the layers, as in `ThreeDLocal`.
        seed: Seed of initial weights and dropout.
        name: Name of the model.

    Returns:
        keras.Model with the input and outputs of `ThreeDLocal`: "part_features" and "embedding" float32
        [batch, 2 num_strips, embedding_channels], the small scale's strips first.

    Raises:
        ValueError: An argument of another type or range, or strips that do not divide the map.

    Example:
        >>> MT3D().count_params()
        4239200
    """
    chosen = resolve_arguments(
        PRESETS,
        preset=preset,
        interval=interval,
        num_strips=num_strips,
        compact_channels=compact_channels,
    )

    def options(name):
        return dict(seed=derive_seed(seed, name=name), dtype=dtype, name=name)

    def basic_block(maps, filters, name):
        return BasicBlock3D(filters, **options(name))(maps)

    def add_transformed(large, small, *, name, sum_name):
        return keras.layers.Add(dtype=dtype, name=sum_name)(
            [large, LocalTransform(chosen.interval, **options(name))(small)]
        )

    silhouettes = keras.Input(input_shape, name="silhouettes")  # b t y x 1
    small = VolumeConvolution(channels[0], **options("layer_1"))(silhouettes)
    small = LeakyReLU(0.01, dtype=dtype, name="layer_1_relu")(small)  # b t y x c
    large = LocalTransform(chosen.interval, **options("local_transform_1"))(small)  # b t/3 y x c

    small = FramePooling(dtype=dtype, name="small_2_pooling")(basic_block(small, channels[1], "small_2"))
    large = FramePooling(dtype=dtype, name="large_2_pooling")(basic_block(large, channels[1], "large_2"))
    large = add_transformed(large, small, name="local_transform_2", sum_name="large_2_sum")  # b t/3 y/2 x/2 c

    for layer_name in ("small_3_1", "small_3_2"):
        small = basic_block(small, channels[2], layer_name)
    for layer_name in ("large_3_1", "large_3_2"):
        large = basic_block(large, channels[2], layer_name)
    large = add_transformed(large, small, name="local_transform_3", sum_name="large_3_sum")

    branches = []
    for scale, maps in (("small", small), ("large", large)):
        whole = SetPooling(dtype=dtype, name=f"{scale}_set")(maps)  # b y x c
        pooling = HorizontalPyramidPooling((chosen.num_strips,), dtype=dtype, name=f"{scale}_strips")
        branches.append(pooling(whole))  # b p c
    strips = keras.layers.Concatenate(axis=1, dtype=dtype, name="parts")(branches)  # b 2p c
    outputs = embedding_head(
        strips,
        embedding_channels=embedding_channels,
        compact_channels=chosen.compact_channels,
        num_classes=num_classes,
        dropout=dropout,
        synchronized=synchronized,
        seed=seed,
    )
    return GaitModel(silhouettes, outputs, name=name)
