"""MT3D (Lin, Zhang and Bao, ACM MM 2020): 3D convolutions at two temporal scales."""

import keras

from tf3dlocal.layers import (
    BasicBlock3D,
    FramePooling,
    HorizontalPyramidPooling,
    LocalTransform,
    SetPooling,
    VolumeConvolution,
    own_seed,
)
from tf3dlocal.models.check_arguments import check_channels, check_input_shape, preset_of
from tf3dlocal.models.embedding_head import embedding_head

PRESETS = {"paper": dict(interval=3, num_parts=32)}


def MT3D(
    preset="paper",
    num_classes=None,
    input_shape=(None, 64, 44, 1),
    channels=(32, 64, 128),
    interval=None,
    num_parts=None,
    embedding_channels=256,
    compact_channels=None,
    dropout=0.9,
    synchronized=False,
    form="auto",
    dtype=None,
    seed=None,
    name="mt3d",
):
    """Build MT3D as a functional model.

    A 3D convolution, then two branches: the small scale reads every frame, the large scale one frame in three, fused by a
    local transform. Each has three basic 3D blocks (B3D) with one pooling of every frame behind the first; behind the
    pooling and at the end, the local transform of the small scale is added to the large one. Maximum over frames, 32 strips
    per branch, one linear map per strip.

    No code of MT3D is public. Known from the author's own figure: the first layer, the two branches with their blocks, the
    pooling (1, 2, 2), where the local transform is added, strips by mean plus maximum, separate linear maps, triplet loss.
    From derived models: the local transform as a convolution (3, 1, 1) of stride 3, B3D as a sum of three convolutions.
    **Inferred by us**: the channels, 32 strips per branch, the maximum over frames, features of 256 numbers, no bias. There
    is no OU-MVLP result; channels (64, 128, 256) double it as other methods do there.

    Args:
        preset: "paper", the only one.
        num_classes: training subjects; adds a classifier and the output "logits" (not in the paper). Needs a compact block.
        input_shape: (frames or None, height, width, 1); (None, 64, 44, 1) or (None, 128, 88, 1).
        channels: channels of the three layers.
        interval: frames that the local transform fuses (the large scale).
        num_parts: strips per branch; must divide half the input's height.
        embedding_channels: length of one part's feature.
        compact_channels, dropout, synchronized: GLN's compact block behind the parts, which MT3D itself does not have.
        form, dtype, seed, name: as in `ThreeDLocal`.

    Returns:
        keras.Model with the input and outputs of `ThreeDLocal`: "part_features" and "embedding" float32
        [batch, 2 num_parts, embedding_channels], the small scale's parts first.

    Raises:
        ValueError: an unknown preset, or strips that do not divide the map.

    Example:
        >>> MT3D().count_params()
        4239200
    """
    defaults = preset_of(PRESETS, preset)
    check_channels(channels)
    check_input_shape(input_shape)
    interval = defaults["interval"] if interval is None else interval
    num_parts = defaults["num_parts"] if num_parts is None else num_parts

    def basic_block(maps, filters, layer_name):
        return BasicBlock3D(filters, form=form, seed=own_seed(seed, layer_name), dtype=dtype, name=layer_name)(maps)

    def local_transform(maps, layer_name):
        return LocalTransform(interval, own_seed(seed, layer_name), dtype=dtype, name=layer_name)(maps)

    def add(maps, layer_name):
        return keras.layers.Add(name=layer_name, dtype=dtype)(maps)

    silhouettes = keras.Input(input_shape, name="silhouettes")  # b t y x 1
    small = VolumeConvolution(channels[0], 3, form, own_seed(seed, "layer_1"), dtype=dtype, name="layer_1")(silhouettes)
    small = keras.layers.LeakyReLU(0.01, dtype=dtype, name="layer_1_relu")(small)  # b t y x c
    large = local_transform(small, "local_transform_1")  # b t/3 y x c

    small = FramePooling(form, dtype=dtype, name="small_2_pooling")(basic_block(small, channels[1], "small_2"))
    large = FramePooling(form, dtype=dtype, name="large_2_pooling")(basic_block(large, channels[1], "large_2"))
    large = add([large, local_transform(small, "local_transform_2")], "large_2_sum")  # b t/3 y/2 x/2 c

    for layer_name in ("small_3_1", "small_3_2"):
        small = basic_block(small, channels[2], layer_name)
    for layer_name in ("large_3_1", "large_3_2"):
        large = basic_block(large, channels[2], layer_name)
    large = add([large, local_transform(small, "local_transform_3")], "large_3_sum")

    branches = []
    for scale, maps in (("small", small), ("large", large)):
        whole = SetPooling(dtype=dtype, name=f"{scale}_set")(maps)  # b y x c
        branches.append(HorizontalPyramidPooling((num_parts,), dtype=dtype, name=f"{scale}_strips")(whole))  # b p c
    parts = keras.layers.Concatenate(axis=1, name="parts", dtype=dtype)(branches)  # b 2p c
    outputs = embedding_head(
        parts, embedding_channels, compact_channels, num_classes, dropout, synchronized=synchronized, seed=seed
    )
    return keras.Model(silhouettes, outputs, name=name)
