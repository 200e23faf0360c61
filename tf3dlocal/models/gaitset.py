"""GaitSet (Chao et al., AAAI 2019; TPAMI 2021): a walk as a set of silhouettes."""

import keras

from tf3dlocal.layers import FramePooling, HorizontalPyramidPooling, SetPooling, frame_block, own_seed
from tf3dlocal.models.check_arguments import check_channels, check_input_shape, preset_of
from tf3dlocal.models.embedding_head import embedding_head
from tf3dlocal.models.start_as_copies import start_as_copies

# What differs between the public implementations: the order of the 62 parts, and how the global path starts.
PRESETS = {
    "paper": dict(bins=(1, 2, 4, 8, 16), halves=("global", "frame"), copy_frame_path=False),
    "opengait": dict(bins=(16, 8, 4, 2, 1), halves=("frame", "global"), copy_frame_path=True),
}


def GaitSet(
    preset="paper",
    num_classes=None,
    input_shape=(None, 64, 44, 1),
    channels=(32, 64, 128),
    embedding_channels=256,
    bins=None,
    compact_channels=None,
    dropout=0.9,
    synchronized=False,
    form="auto",
    dtype=None,
    seed=None,
    name="gaitset",
):
    """Build GaitSet as a functional model.

    The frame path has three blocks of two per-frame convolutions. The global path (MGP) reads the maximum over all frames
    behind blocks 1 and 2 and gathers one map of the whole walk. Both end in horizontal pyramid mapping: 31 strips each,
    one linear map per strip. The order of the frames changes nothing.

    | preset     | parts                                    | global path starts as    |
    |------------|------------------------------------------|--------------------------|
    | "paper"    | global half first, scales 1, 2, 4, 8, 16 | weights of its own       |
    | "opengait" | frame half first, scales 16, 8, 4, 2, 1  | a copy of the frame path |

    Both have 2,594,592 parameters and the same distances between walks; "paper" is the default, in the order of the
    3DLocal authors' implementation, whose weights it takes. OU-MVLP: channels (64, 128, 256) and, in OpenGait and the
    authors' code, 62 x 256 features as well.

    Args:
        preset: "paper" or "opengait".
        num_classes: training subjects; adds a classifier and the output "logits" (not in the paper). Needs a compact block.
        input_shape: (frames or None, height, width, 1); (None, 64, 44, 1) or (None, 128, 88, 1).
        channels: channels of the three blocks.
        embedding_channels: length of one part's feature.
        bins: numbers of strips of the pyramid; None for the preset's.
        compact_channels, dropout, synchronized: GLN's compact block behind the parts, which GaitSet itself does not have.
        form, dtype, seed, name: as in `ThreeDLocal`.

    Returns:
        keras.Model with the input and outputs of `ThreeDLocal`: "part_features" and "embedding" float32
        [batch, 62, embedding_channels].

    Raises:
        ValueError: an unknown preset, a map that the bins do not divide, a classifier without a compact block.

    Example:
        >>> GaitSet().count_params()
        2594592
    """
    order = preset_of(PRESETS, preset)
    check_channels(channels)
    check_input_shape(input_shape)
    options = dict(form=form, dtype=dtype)

    def block(maps, number, path):
        kernel = 5 if number == 1 else 3
        return frame_block(
            maps, channels[number - 1], f"{path}_{number}", kernel, seed=own_seed(seed, f"{path}_{number}"), **options
        )

    silhouettes = keras.Input(input_shape, name="silhouettes")  # b t y x 1
    frames = FramePooling(name="block_1_pooling", **options)(block(silhouettes, 1, "block"))  # b t y/2 x/2 c
    whole = SetPooling(keep_frames=True, dtype=dtype, name="set_1")(frames)  # b 1 y/2 x/2 c
    frames = FramePooling(name="block_2_pooling", **options)(block(frames, 2, "block"))  # b t y/4 x/4 c
    whole = FramePooling(name="global_2_pooling", **options)(block(whole, 2, "global"))
    both = [whole, SetPooling(keep_frames=True, dtype=dtype, name="set_2")(frames)]
    whole = keras.layers.Add(name="global_2_sum", dtype=dtype)(both)  # b 1 y/4 x/4 c
    frames = block(frames, 3, "block")
    both = [block(whole, 3, "global"), SetPooling(keep_frames=True, dtype=dtype, name="set_3")(frames)]
    whole = keras.layers.Add(name="global_3_sum", dtype=dtype)(both)

    ends = {"frame": both[1], "global": whole}
    bins = order["bins"] if bins is None else bins
    halves = []
    for half in order["halves"]:
        end = SetPooling(dtype=dtype, name=f"{half}_map")(ends[half])  # b y x c
        halves.append(HorizontalPyramidPooling(bins, dtype=dtype, name=f"{half}_pyramid")(end))  # b 31 c
    parts = keras.layers.Concatenate(axis=1, name="parts", dtype=dtype)(halves)  # b 62 c
    outputs = embedding_head(
        parts, embedding_channels, compact_channels, num_classes, dropout, synchronized=synchronized, seed=seed
    )
    model = keras.Model(silhouettes, outputs, name=name)
    if order["copy_frame_path"]:
        start_as_copies(model, {"global_2": "block_2", "global_3": "block_3"})
    return model
