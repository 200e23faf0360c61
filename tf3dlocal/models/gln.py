"""GLN, the gait lateral network (Hou et al., ECCV 2020): features of every depth, and one compact embedding."""

from collections.abc import Sequence

import keras

from tf3dlocal.layers import FramePooling, HorizontalPyramidPooling, SetPooling, VolumeConvolution, derive_seed
from tf3dlocal.models import agreement
from tf3dlocal.models.arguments import checked
from tf3dlocal.models.building import backbone_block, resolve_arguments, start_as_copies
from tf3dlocal.models.gait_model import GaitModel
from tf3dlocal.models.heads import embedding_head

# By what walks are compared if there is a compact block, and whether its batch normalizations learn a bias.
PRESETS = {
    "paper": dict(compare_by="compact", train_norm_bias=True, compact_channels=0),
    "opengait": dict(compare_by="parts", train_norm_bias=False, compact_channels=0),
}


@checked(PRESETS, agreement=agreement.gln)
def GLN(
    preset: str = "paper",
    *,
    num_classes: int | None = None,
    input_shape: Sequence[int | None] = (None, 64, 44, 1),
    channels: Sequence[int] = (32, 64, 128),
    lateral_channels: int = 256,
    lateral_kernel: int = 1,
    embedding_channels: int = 256,
    bins: Sequence[int] = (16, 8, 4, 2, 1),
    compact_channels: int | None = None,
    dropout: float = 0.9,
    synchronized: bool | None = None,
    dtype: str | keras.DTypePolicy | None = None,
    seed: int | None = None,
    name: str = "gln",
) -> keras.Model:
    """Build GLN as a functional model.

    Three silhouette stages of two per-frame convolutions; the maximum over frames after each; set stages 2 and 3 that
    read the preceding set map and add the set map of the silhouette stage. Lateral connections (1x1 convolutions) fuse
    both maps of a stage, a coarser stage is added to the next finer one, and every level is smoothed and cut into 31
    strips: 93 strips in all, one linear map each. That is training phase 1. Phase 2 starts from its weights
    (`training.start_from` in a config) and adds the compact block (compact_channels=256) with the classifier.

    | preset     | phase 2 is compared by          | biases of the compact block's batch normalizations |
    |------------|---------------------------------|----------------------------------------------------|
    | "paper"    | the compact block's 256 numbers | learned                                            |
    | "opengait" | the 93 x 256 part features      | remain zero                                        |

    The paper's text was not available beyond its introduction, so the layers are those of OpenGait's implementation in
    both presets. "paper", the default, compares by the embedding of the compact block, which is the point of the paper,
    and learns the biases, as the 3DLocal authors' code has it (read there; their configs do not use it). "opengait" is
    the model of OpenGait's checkpoints. Published numbers are for 128 x 88 silhouettes. No variant for OU-MVLP is
    public; (64, 128, 256) doubles the channels, as the other methods do there.

    Args:
        preset: "paper" or "opengait".
        num_classes: Number of training subjects; adds the classifier and the output "logits". Needs a compact block.
        input_shape: (frames or None, height, width, 1); (None, 64, 44, 1) or (None, 128, 88, 1). Height and width must
            be divisible by 4.
        channels: Channels of the three stages.
        lateral_channels: Channels of the lateral and smoothing convolutions.
        lateral_kernel: Height and width of the lateral kernels; 3 in OpenGait before November 2021.
        embedding_channels: Length of one strip's feature.
        bins: Numbers of strips of the pyramid, the same on all three levels.
        compact_channels: Length of the compact block's embedding; 0 for training phase 1, which has no compact block;
            None for the preset's (0). A number needs num_classes, whose classifier trains the block: without it "paper"
            warns and "opengait" refuses.
        dropout: Dropout of the compact block.
        synchronized: Synchronize batch normalization over the replicas of a `tf.distribute` strategy; None does so
            where the strategy in whose scope the model is built has several.
        dtype: Dtype policy of the layers, as in `ThreeDLocal`.
        seed: Seed of initial weights and dropout.
        name: Name of the model.

    Returns:
        keras.Model with the input and outputs of `ThreeDLocal`: "part_features" float32 [batch, 93,
        embedding_channels].

    Raises:
        ValueError: An argument of another type or range, an input that is not divisible by 4, a classifier
            or a compact block without the other.

    Example:
        >>> GLN().count_params()
        8541984
    """
    chosen = resolve_arguments(PRESETS, preset=preset, compact_channels=compact_channels)

    def block(maps, number, path):
        return backbone_block(maps, number=number, path=path, channels=channels[number - 1], dtype=dtype, seed=seed)

    def convolution(name, kernel):
        options = dict(seed=derive_seed(seed, name=name), dtype=dtype, name=name)
        return VolumeConvolution(lateral_channels, kernel_size=(1, kernel, kernel), **options)

    silhouettes = keras.Input(input_shape, name="silhouettes")  # b t y x 1
    frames, whole, pairs = silhouettes, None, {}
    for number in (1, 2, 3):
        if number > 1:
            frames = FramePooling(dtype=dtype, name=f"block_{number - 1}_pooling")(frames)
        frames = block(frames, number, "block")
        own = SetPooling(keep_frames=True, dtype=dtype, name=f"set_{number}")(frames)  # b 1 y x c
        if whole is None:
            whole = own  # there is no set stage 1: its pair has the same map twice
        else:
            whole = FramePooling(dtype=dtype, name=f"set_{number - 1}_pooling")(whole)
            whole = keras.layers.Add(dtype=dtype, name=f"set_{number}_sum")([block(whole, number, "set"), own])
        pairs[number] = [own, whole]

    strips, coarser = {}, None
    for number in (3, 2, 1):  # from the coarsest map to the finest
        level = keras.layers.Concatenate(dtype=dtype, name=f"lateral_{number}_pair")(pairs[number])  # b 1 y x 2c
        level = convolution(f"lateral_{number}", lateral_kernel)(level)
        if coarser is not None:
            coarser = keras.layers.UpSampling3D((1, 2, 2), dtype=dtype, name=f"lateral_{number + 1}_enlarged")(coarser)
            level = keras.layers.Add(dtype=dtype, name=f"lateral_{number}_sum")([level, coarser])
        smooth = convolution(f"smooth_{number}", 3)(level)
        smooth = SetPooling(dtype=dtype, name=f"smooth_{number}_map")(smooth)  # b y x c
        strips[number] = HorizontalPyramidPooling(bins, dtype=dtype, name=f"pyramid_{number}")(smooth)  # b 31 c
        coarser = level
    strips = keras.layers.Concatenate(axis=1, dtype=dtype, name="parts")([strips[1], strips[2], strips[3]])  # b 93 c
    outputs = embedding_head(
        strips,
        embedding_channels=embedding_channels,
        compact_channels=chosen.compact_channels,
        num_classes=num_classes,
        dropout=dropout,
        compare_by=chosen.compare_by,
        train_norm_bias=chosen.train_norm_bias,
        synchronized=synchronized,
        seed=seed,
    )
    model = GaitModel(silhouettes, outputs, name=name)
    start_as_copies(model, copies={"set_2": "block_2", "set_3": "block_3"})
    return model
