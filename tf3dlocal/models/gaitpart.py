"""GaitPart (Fan et al., CVPR 2020): every horizontal strip has a motion of its own."""

import keras

from tf3dlocal.layers import FramePooling, HorizontalPooling, MicroMotionPooling, frame_block, own_seed
from tf3dlocal.models.check_arguments import check_channels, check_input_shape, preset_of
from tf3dlocal.models.embedding_head import embedding_head

# "strips" by number of blocks: three on CASIA-B, four on OU-MVLP. embedding_channels None: as many as the last block has.
PRESETS = {
    "paper": dict(
        strips={3: (1, 4, 8), 4: (2, 2, 8, 8)},
        negative_slope=0.01,
        temporal_bias=False,
        temporal_activation="leaky_relu",
        embedding_channels=None,
    ),
    "opengait": dict(
        strips={3: (1, 4, 8), 4: (1, 1, 8, 8)},
        negative_slope=0.01,
        temporal_bias=False,
        temporal_activation="leaky_relu",
        embedding_channels=None,
    ),
    "release": dict(
        strips={3: (1, 4, 8), 4: (2, 2, 8, 8)},
        negative_slope=1e-4,
        temporal_bias=True,
        temporal_activation="relu",
        embedding_channels=256,
    ),
}


def GaitPart(
    preset="paper",
    num_classes=None,
    input_shape=(None, 64, 44, 1),
    channels=(32, 64, 128),
    strips=None,
    embedding_channels=None,
    num_parts=16,
    negative_slope=None,
    temporal_bias=None,
    temporal_activation=None,
    compact_channels=None,
    dropout=0.9,
    synchronized=False,
    form="auto",
    dtype=None,
    seed=None,
    name="gaitpart",
):
    """Build GaitPart as a functional model.

    Blocks of two focal convolutions (FConv), which do not look across horizontal strips; max pooling behind blocks 1 and 2;
    16 strips (HP); micro-motion pooling over time (MCM); one linear map per strip. Arguments left at None take the preset's.

    | preset     | strips, 3 blocks | strips, 4 blocks | micro-motion       | features      | parameters |
    |------------|------------------|------------------|--------------------|---------------|------------|
    | "paper"    | 1, 4, 8          | 2, 2, 8, 8       | LeakyReLU, no bias | as last block | 1,204,000  |
    | "opengait" | 1, 4, 8          | 1, 1, 8, 8       | LeakyReLU, no bias | as last block | 1,204,000  |
    | "release"  | 1, 4, 8          | 2, 2, 8, 8       | ReLU, bias         | 256           | 1,471,264  |

    "paper", the default, follows the authors' published layers of the temporal part and their erratum on OU-MVLP's strips;
    1, 4, 8 for CASIA-B is what both other implementations have. "release" is the model in the 3DLocal authors' code, whose
    focal convolution applies its LeakyReLU twice (a slope of 1e-4). OU-MVLP has a fourth block: channels
    (32, 64, 128, 256).

    Args:
        preset: "paper", "opengait" or "release".
        num_classes: training subjects; adds a classifier and the output "logits" (not in the paper). Needs a compact block.
        input_shape: (frames or None, height, width, 1); (None, 64, 44, 1) or (None, 128, 88, 1).
        channels: channels of the three or four blocks.
        strips: horizontal strips p of the focal convolutions, by block.
        embedding_channels: length of one part's feature.
        num_parts: horizontal strips of the pooling; must divide the last map's height.
        negative_slope: of the LeakyReLU behind the convolutions.
        temporal_bias, temporal_activation: as in `MicroMotionPooling`.
        compact_channels, dropout, synchronized: GLN's compact block behind the parts, which GaitPart itself does not have.
        form, dtype, seed, name: as in `ThreeDLocal`.

    Returns:
        keras.Model with the input and outputs of `ThreeDLocal`: "part_features" and "embedding" float32
        [batch, num_parts, embedding_channels].

    Raises:
        ValueError: an unknown preset, strips that do not divide a map, not one number of strips per block.

    Example:
        >>> GaitPart().count_params(), GaitPart("release").count_params()
        (1204000, 1471264)
    """
    defaults = preset_of(PRESETS, preset)
    check_channels(channels, lengths=(3, 4))
    check_input_shape(input_shape)
    strips = tuple(defaults["strips"][len(channels)] if strips is None else strips)
    if len(strips) != len(channels):
        raise ValueError(f"strips has one number per block, {len(channels)} as channels; got {strips}.")

    def chosen(argument, value):
        return defaults[argument] if value is None else value

    silhouettes = keras.Input(input_shape, name="silhouettes")  # b t y x 1
    x = silhouettes
    for block, (block_channels, num_strips) in enumerate(zip(channels, strips), start=1):
        x = frame_block(
            x,
            block_channels,
            f"block_{block}",
            5 if block == 1 else 3,
            num_strips,
            chosen("negative_slope", negative_slope),
            form,
            dtype,
            own_seed(seed, f"block_{block}"),
        )
        if block < 3:
            x = FramePooling(form, dtype=dtype, name=f"block_{block}_pooling")(x)
    x = HorizontalPooling(num_parts, dtype=dtype, name="horizontal_pooling")(x)  # b t p c
    x = MicroMotionPooling(
        use_bias=chosen("temporal_bias", temporal_bias),
        activation=chosen("temporal_activation", temporal_activation),
        seed=own_seed(seed, "micro_motion_pooling"),
        dtype=dtype,
        name="micro_motion_pooling",
    )(x)  # b p c
    outputs = embedding_head(
        x,
        chosen("embedding_channels", embedding_channels) or channels[-1],
        compact_channels,
        num_classes,
        dropout,
        synchronized=synchronized,
        seed=seed,
    )
    return keras.Model(silhouettes, outputs, name=name)
