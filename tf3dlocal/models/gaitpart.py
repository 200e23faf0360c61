"""GaitPart (Fan et al., CVPR 2020): every horizontal strip has its own motion."""

from collections.abc import Sequence

import keras

from tf3dlocal.layers import FramePooling
from tf3dlocal.models import agreement
from tf3dlocal.models.arguments import checked
from tf3dlocal.models.building import backbone_block, resolve_arguments, strip_motions
from tf3dlocal.models.gait_model import GaitModel
from tf3dlocal.models.heads import embedding_head

# Strips by number of blocks: three on CASIA-B, four on OU-MVLP. embedding_channels None: as many as the last block has.
PAPER = dict(
    strips_by_blocks={3: (1, 4, 8), 4: (2, 2, 8, 8)},
    negative_slope=0.01,
    temporal_bias=False,
    temporal_activation="leaky_relu",
    embedding_channels=None,
    compact_channels=0,
)
PRESETS = {
    "paper": PAPER,
    "opengait": PAPER | dict(strips_by_blocks={3: (1, 4, 8), 4: (1, 1, 8, 8)}),
    "release": PAPER
    | dict(negative_slope=1e-4, temporal_bias=True, temporal_activation="relu", embedding_channels=256),
}


@checked(PRESETS, agreement=agreement.gaitpart)
def GaitPart(
    preset: str = "paper",
    *,
    num_classes: int | None = None,
    input_shape: Sequence[int | None] = (None, 64, 44, 1),
    channels: Sequence[int] = (32, 64, 128),
    strips: Sequence[int] | None = None,
    embedding_channels: int | None = None,
    num_strips: int = 16,
    negative_slope: float | None = None,
    temporal_bias: bool | None = None,
    temporal_activation: str | None = None,
    compact_channels: int | None = None,
    dropout: float = 0.9,
    synchronized: bool | None = None,
    dtype: str | keras.DTypePolicy | None = None,
    seed: int | None = None,
    name: str = "gaitpart",
) -> keras.Model:
    """Build GaitPart as a functional model.

    Blocks of two focal convolutions (FConv), which do not look across horizontal strips; max pooling after blocks 1 and
    2; 16 strips (HP); micro-motion pooling over time (MCM); one linear map per strip. Arguments that are None take the
    preset's value.

    | preset     | strips, 3 blocks | strips, 4 blocks | micro-motion       | features      | parameters |
    |------------|------------------|------------------|--------------------|---------------|------------|
    | "paper"    | 1, 4, 8          | 2, 2, 8, 8       | LeakyReLU, no bias | as last block | 1,204,000  |
    | "opengait" | 1, 4, 8          | 1, 1, 8, 8       | LeakyReLU, no bias | as last block | 1,204,000  |
    | "release"  | 1, 4, 8          | 2, 2, 8, 8       | ReLU, bias         | 256           | 1,471,264  |

    "paper", the default, follows the authors' published layers of the temporal part and their erratum on the strips for
    OU-MVLP, of which no output was recorded; 1, 4, 8 for CASIA-B is what both other implementations have. "release" is
    the model in the 3DLocal authors' code, whose focal convolution applies its LeakyReLU twice (a slope of 1e-4).
    OU-MVLP has a fourth block: channels (32, 64, 128, 256).

    Args:
        preset: "paper", "opengait" or "release".
        num_classes: Number of training subjects; adds a classifier and the output "logits" (not in the paper). Needs a
            compact block.
        input_shape: (frames or None, height, width, 1); (None, 64, 44, 1) or (None, 128, 88, 1).
        channels: Channels of the three or four blocks.
        strips: Horizontal strips p of the focal convolutions, by block.
        embedding_channels: Length of one strip's feature.
        num_strips: Horizontal strips of the pooling; must divide the last map's height.
        negative_slope: Slope of the LeakyReLU after the convolutions.
        temporal_bias: Whether the convolutions of `MicroMotionPooling` have a bias.
        temporal_activation: Activation of `MicroMotionPooling`.
        compact_channels: Length of the embedding of GLN's compact block, which GaitPart itself does not have; 0 for no
            compact block.
        dropout: Dropout of the compact block.
        synchronized: Synchronize batch normalization over the replicas of a `tf.distribute` strategy; None does so
            where the strategy in whose scope the model is built has several.
        dtype: Dtype policy of the layers, as in `ThreeDLocal`.
        seed: Seed of initial weights and dropout.
        name: Name of the model.

    Returns:
        keras.Model with the input and outputs of `ThreeDLocal`: "part_features" and "embedding" float32
        [batch, num_strips, embedding_channels].

    Raises:
        ValueError: An argument of another type or range, strips that do not divide a map, not one number of strips
            per block.

    Example:
        >>> GaitPart().count_params(), GaitPart("release").count_params()
        (1204000, 1471264)
    """
    chosen = resolve_arguments(
        PRESETS,
        preset=preset,
        embedding_channels=embedding_channels,
        negative_slope=negative_slope,
        temporal_bias=temporal_bias,
        temporal_activation=temporal_activation,
        compact_channels=compact_channels,
    )
    strips = tuple(chosen.strips_by_blocks[len(channels)] if strips is None else strips)
    common = dict(dtype=dtype, seed=seed)

    silhouettes = keras.Input(input_shape, name="silhouettes")  # b t y x 1
    x = silhouettes
    for block, (block_channels, focal_strips) in enumerate(zip(channels, strips), start=1):
        x = backbone_block(
            x,
            number=block,
            channels=block_channels,
            num_strips=focal_strips,
            negative_slope=chosen.negative_slope,
            **common,
        )
        if block < 3:
            x = FramePooling(dtype=dtype, name=f"block_{block}_pooling")(x)
    x = strip_motions(
        x, num_strips=num_strips, use_bias=chosen.temporal_bias, activation=chosen.temporal_activation, **common
    )  # b p c
    outputs = embedding_head(
        x,
        embedding_channels=chosen.embedding_channels or channels[-1],
        compact_channels=chosen.compact_channels,
        num_classes=num_classes,
        dropout=dropout,
        synchronized=synchronized,
        seed=seed,
    )
    return GaitModel(silhouettes, outputs, name=name)
