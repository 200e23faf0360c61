"""GaitSet (Chao et al., AAAI 2019; TPAMI 2021): a walk as a set of silhouettes."""

from collections.abc import Sequence
from functools import partial

import keras

from tf3dlocal.layers import FramePooling, HorizontalPyramidPooling, SetPooling
from tf3dlocal.models import agreement
from tf3dlocal.models.arguments import checked
from tf3dlocal.models.building import backbone_block, resolve_arguments, start_as_copies
from tf3dlocal.models.gait_model import GaitModel
from tf3dlocal.models.heads import embedding_head

# The public implementations differ in the order of the 62 strips, and in the initial weights of the global path.
PRESETS = {
    "paper": dict(bins=(1, 2, 4, 8, 16), halves=("global", "frame"), copies={}, compact_channels=0),
    "opengait": dict(
        bins=(16, 8, 4, 2, 1),
        halves=("frame", "global"),
        copies={"global_2": "block_2", "global_3": "block_3"},
        compact_channels=0,
    ),
}


@checked(PRESETS, agreement=agreement.gaitset)
def GaitSet(
    preset: str = "paper",
    *,
    num_classes: int | None = None,
    input_shape: Sequence[int | None] = (None, 64, 44, 1),
    channels: Sequence[int] = (32, 64, 128),
    embedding_channels: int = 256,
    bins: Sequence[int] | None = None,
    compact_channels: int | None = None,
    dropout: float = 0.9,
    synchronized: bool | None = None,
    dtype: str | keras.DTypePolicy | None = None,
    seed: int | None = None,
    name: str = "gaitset",
) -> keras.Model:
    """Build GaitSet as a functional model.

    The frame path has three blocks of two per-frame convolutions. The global path (MGP) reads the maximum over all
    frames after blocks 1 and 2 and computes one map of the whole walk. Both end in horizontal pyramid mapping: 31
    strips each, one linear map per strip. The order of the frames has no effect.

    | preset     | strips                                   | initial global path      |
    |------------|------------------------------------------|--------------------------|
    | "paper"    | global half first, scales 1, 2, 4, 8, 16 | random                   |
    | "opengait" | frame half first, scales 16, 8, 4, 2, 1  | a copy of the frame path |

    Both have 2,594,592 parameters and the same distances between walks. "paper", the default, has the order of the
    3DLocal authors' implementation and accepts its weights. OU-MVLP: channels (64, 128, 256) and, in the configs of
    OpenGait and of those authors, 62 x 256 features as well.

    Args:
        preset: "paper" or "opengait".
        num_classes: Number of training subjects; adds a classifier and the output "logits" (not in the paper). Needs a
            compact block.
        input_shape: (frames or None, height, width, 1); (None, 64, 44, 1) or (None, 128, 88, 1).
        channels: Channels of the three blocks.
        embedding_channels: Length of one strip's feature.
        bins: Numbers of strips of the pyramid; None for the preset's.
        compact_channels: Length of the embedding of GLN's compact block, which GaitSet itself does not have; 0 for no
            compact block, None for the preset's (0).
        dropout: Dropout of the compact block.
        synchronized: Synchronize batch normalization over the replicas of a `tf.distribute` strategy; None does so
            where the strategy in whose scope the model is built has several.
        dtype: Dtype policy of the layers, as in `ThreeDLocal`.
        seed: Seed of initial weights and dropout.
        name: Name of the model.

    Returns:
        keras.Model with the input and outputs of `ThreeDLocal`: "part_features" and "embedding" float32
        [batch, 62, embedding_channels].

    Raises:
        ValueError: An argument of another type or range, a map that the bins do not divide, a classifier
            without a compact block.

    Example:
        >>> GaitSet().count_params()
        2594592
    """
    chosen = resolve_arguments(
        PRESETS,
        preset=preset,
        bins=bins,
        compact_channels=compact_channels,
    )

    def block(maps, number, path):
        return backbone_block(maps, number=number, path=path, channels=channels[number - 1], dtype=dtype, seed=seed)

    set_pooling = partial(SetPooling, keep_frames=True, dtype=dtype)
    silhouettes = keras.Input(input_shape, name="silhouettes")  # b t y x 1
    frames = block(silhouettes, 1, "block")
    frames = FramePooling(dtype=dtype, name="block_1_pooling")(frames)  # b t y/2 x/2 c
    whole = set_pooling(name="set_1")(frames)  # b 1 y/2 x/2 c

    frames = block(frames, 2, "block")
    frames = FramePooling(dtype=dtype, name="block_2_pooling")(frames)  # b t y/4 x/4 c
    whole = block(whole, 2, "global")
    whole = FramePooling(dtype=dtype, name="global_2_pooling")(whole)  # b 1 y/4 x/4 c
    whole = keras.layers.Add(dtype=dtype, name="global_2_sum")([whole, set_pooling(name="set_2")(frames)])

    frames = set_pooling(name="set_3")(block(frames, 3, "block"))  # b 1 y/4 x/4 c
    whole = keras.layers.Add(dtype=dtype, name="global_3_sum")([block(whole, 3, "global"), frames])

    ends = {"frame": frames, "global": whole}
    halves = []
    for half in chosen.halves:
        end = SetPooling(dtype=dtype, name=f"{half}_map")(ends[half])  # b y x c
        halves.append(HorizontalPyramidPooling(chosen.bins, dtype=dtype, name=f"{half}_pyramid")(end))  # b 31 c
    strips = keras.layers.Concatenate(axis=1, dtype=dtype, name="parts")(halves)  # b 62 c
    outputs = embedding_head(
        strips,
        embedding_channels=embedding_channels,
        compact_channels=chosen.compact_channels,
        num_classes=num_classes,
        dropout=dropout,
        synchronized=synchronized,
        seed=seed,
    )
    model = GaitModel(silhouettes, outputs, name=name)
    start_as_copies(model, copies=chosen.copies)
    return model
