"""GLN, the gait lateral network (Hou et al., ECCV 2020): features of every depth, and one compact vector."""

import keras

from tf3dlocal.layers import (
    FramePooling,
    HorizontalPyramidPooling,
    SetPooling,
    VolumeConvolution,
    frame_block,
    own_seed,
)
from tf3dlocal.models.check_arguments import check_channels, check_input_shape, preset_of
from tf3dlocal.models.embedding_head import embedding_head
from tf3dlocal.models.start_as_copies import start_as_copies

# What a walk is compared by where there is a compact block, and whether the block's batch normalizations learn a bias.
PRESETS = {
    "paper": dict(compare_by="compact", train_norm_bias=True),
    "opengait": dict(compare_by="parts", train_norm_bias=False),
}


def GLN(
    preset="paper",
    num_classes=None,
    input_shape=(None, 64, 44, 1),
    channels=(32, 64, 128),
    lateral_channels=256,
    lateral_kernel=1,
    embedding_channels=256,
    bins=(16, 8, 4, 2, 1),
    compact_channels=None,
    dropout=0.9,
    synchronized=False,
    form="auto",
    dtype=None,
    seed=None,
    name="gln",
):
    """Build GLN as a functional model.

    Three silhouette stages of two per-frame convolutions; the maximum over frames behind each; set stages 2 and 3 that read
    the set map before them and add their own stage's. Lateral connections (1x1 convolutions) fuse both maps of a stage, a
    coarser stage is added to the next finer one, and every level is smoothed and cut into 31 strips: 93 parts in all, one
    linear map each. That is training phase 1. Phase 2 starts from its weights (`training.start_from` in a config) and adds
    the compact block (compact_channels=256) with the classifier.

    | preset     | phase 2 is compared by     | biases of the compact block's batch normalizations |
    |------------|----------------------------|-----------------------------------------------------|
    | "paper"    | the compact 256 numbers    | learned                                             |
    | "opengait" | the 93 x 256 part features | stay zero                                           |

    The paper's text is not available to us beyond its introduction, so the layers are those of OpenGait's implementation in
    both presets. "paper", the default, compares by the compact feature, which is the point of the paper, and learns the
    biases, as the compact block of the 3DLocal authors' code does; "opengait" is what its checkpoints hold. Published numbers
    are for 128 x 88 silhouettes. Neither has an OU-MVLP variant of its own in public; (64, 128, 256) doubles the channels
    as the other methods do there.

    Args:
        preset: "paper" or "opengait".
        num_classes: training subjects; adds the classifier and the output "logits". Needs a compact block.
        input_shape: (frames or None, height, width, 1); (None, 64, 44, 1) or (None, 128, 88, 1). Height and width must
            divide by 4.
        channels: channels of the three stages.
        lateral_channels: channels of the lateral and smoothing convolutions.
        lateral_kernel: cells of the lateral kernels; 3 in OpenGait before November 2021.
        embedding_channels: length of one part's feature.
        bins: numbers of strips of the pyramid, the same on all three levels.
        compact_channels: length of the compact feature; None for training phase 1, which has none.
        dropout: within the compact block.
        synchronized: synchronize batch normalization over replicas (needs `tf.distribute`).
        form, dtype, seed, name: as in `ThreeDLocal`.

    Returns:
        keras.Model with the input and outputs of `ThreeDLocal`: "part_features" float32 [batch, 93, embedding_channels].

    Raises:
        ValueError: an unknown preset, an input that does not divide by 4, a classifier without a compact block.

    Example:
        >>> GLN().count_params()
        8541984
    """
    defaults = preset_of(PRESETS, preset)
    check_channels(channels)
    check_input_shape(input_shape)
    if input_shape[1] % 4 or input_shape[2] % 4:
        raise ValueError(
            f"GLN halves its maps twice and doubles them again: height and width must divide by 4; got {input_shape}."
        )
    options = dict(form=form, dtype=dtype)

    def block(maps, number, path):
        kernel = 5 if number == 1 else 3
        return frame_block(
            maps, channels[number - 1], f"{path}_{number}", kernel, seed=own_seed(seed, f"{path}_{number}"), **options
        )

    def convolution(kernel, layer_name):
        return VolumeConvolution(
            lateral_channels, (1, kernel, kernel), form, own_seed(seed, layer_name), dtype=dtype, name=layer_name
        )

    silhouettes = keras.Input(input_shape, name="silhouettes")  # b t y x 1
    frames, before, pairs = silhouettes, None, {}
    for number in (1, 2, 3):
        if number > 1:
            frames = FramePooling(name=f"block_{number - 1}_pooling", **options)(frames)
        frames = block(frames, number, "block")
        own = SetPooling(keep_frames=True, dtype=dtype, name=f"set_{number}")(frames)  # b 1 y x c
        if before is None:
            gathered = own  # the first stage has no set stage: its map stands twice
        else:
            before = FramePooling(name=f"set_{number - 1}_pooling", **options)(before)
            gathered = keras.layers.Add(name=f"set_{number}_sum", dtype=dtype)([block(before, number, "set"), own])
        pairs[number], before = [own, gathered], gathered

    parts, coarser = {}, None
    for number in (3, 2, 1):  # from the coarsest map to the finest
        level = keras.layers.Concatenate(name=f"lateral_{number}_pair", dtype=dtype)(pairs[number])  # b 1 y x 2c
        level = convolution(lateral_kernel, f"lateral_{number}")(level)
        if coarser is not None:
            coarser = keras.layers.UpSampling3D((1, 2, 2), dtype=dtype, name=f"lateral_{number + 1}_enlarged")(coarser)
            level = keras.layers.Add(name=f"lateral_{number}_sum", dtype=dtype)([level, coarser])
        smooth = convolution(3, f"smooth_{number}")(level)
        smooth = SetPooling(dtype=dtype, name=f"smooth_{number}_map")(smooth)  # b y x c
        parts[number] = HorizontalPyramidPooling(bins, dtype=dtype, name=f"pyramid_{number}")(smooth)  # b 31 c
        coarser = level
    parts = keras.layers.Concatenate(axis=1, name="parts", dtype=dtype)([parts[1], parts[2], parts[3]])  # b 93 c
    outputs = embedding_head(
        parts,
        embedding_channels,
        compact_channels,
        num_classes,
        dropout,
        defaults["compare_by"],
        defaults["train_norm_bias"],
        synchronized,
        seed,
    )
    model = keras.Model(silhouettes, outputs, name=name)
    start_as_copies(model, {"set_2": "block_2", "set_3": "block_3"})
    return model
