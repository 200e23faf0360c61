"""3DLocal (Huang et al., ICCV 2021), as the paper describes it and as the authors' code runs it."""

import keras

from tf3dlocal.layers import (
    PAPER_PARTS,
    RELEASE_PARTS,
    FramePooling,
    HorizontalPooling,
    LocalPath,
    MicroMotionPooling,
    frame_block,
    local_block,
    own_seed,
)
from tf3dlocal.models.check_arguments import check_channels, check_input_shape, preset_of
from tf3dlocal.models.embedding_head import embedding_head

# What differs between the paper (with the seed, its supplement) and the authors' code; every entry is an argument too.
PRESETS = {
    "paper": dict(
        local_blocks=(1, 2, 3),
        sampler="mixture",
        parts=PAPER_PARTS,
        rule="paper",
        num_convolutions=1,
        hidden_divisor=4,
        temporal_bias=False,
        temporal_activation="leaky_relu",
        compact_channels=256,
    ),
    "release": dict(
        local_blocks=(3,),
        sampler="gaussian",
        parts=RELEASE_PARTS,
        rule="release",
        num_convolutions=2,
        hidden_divisor=2,
        temporal_bias=True,
        temporal_activation="relu",
        compact_channels=None,
    ),
}


def ThreeDLocal(
    preset="paper",
    num_classes=None,
    input_shape=(None, 64, 44, 1),
    channels=(32, 64, 128),
    local_blocks=None,
    sampler=None,
    parts=None,
    rule=None,
    num_convolutions=None,
    hidden_divisor=None,
    feature_extraction=True,
    tied_strides=None,
    per_frame=False,
    write_back=False,
    global_path="plain",
    num_parts=16,
    embedding_channels=256,
    temporal_bias=None,
    temporal_activation=None,
    compact_channels="preset",
    dropout=0.9,
    clip_length=30,
    synchronized=False,
    form="auto",
    dtype=None,
    seed=None,
    name="three_d_local",
):
    """Build 3DLocal as a functional model.

    Three blocks of two per-frame convolutions; behind any of them, local paths for the body parts; max pooling behind
    blocks 1 and 2; then 16 horizontal strips, micro-motion pooling over time, one linear map per strip, and (paper) the
    compact block with its classifier. Arguments left at None take the preset's value.

    | preset    | local blocks | raw numbers | feature convs | localization | time pooling | test feature     |
    |-----------|--------------|-------------|---------------|--------------|--------------|------------------|
    | "paper"   | 1, 2, 3      | 8           | 1             | C/4, Table 1 | leaky, no bias | compact, 256   |
    | "release" | 3            | 7           | 2             | C/2          | ReLU, bias   | 16 parts x 256   |

    "paper" is the seed with the main paper: what they leave open is decided as the layers' docstrings say. "release" is
    the authors' code with its Gaussian sampler (4,264,862 parameters). Its default there, mixture, raises a shape error
    at most batch sizes; with sampler="mixture" this builder gives what it computes at batch size one.

    Args:
        preset: "paper" or "release".
        num_classes: training subjects; adds the classifier and the output "logits". Needs a compact block.
        input_shape: (frames or None, height, width, 1); (None, 64, 44, 1) or (None, 128, 88, 1) in the papers.
        channels: channels C of the three blocks; (64, 128, 256) for OU-MVLP (main paper 4.2).
        local_blocks: which blocks have local paths: any of 1, 2, 3; () for the global path alone (main paper Table 3).
        sampler: "mixture", "gaussian" or "trilinear" (main paper Table 4).
        parts: part priors of the local paths (main paper Table 5 takes them one by one); see `PartPrior`.
        rule: "paper" or "release" geometry of the grid; see `decode_location` and `LocalPath`.
        num_convolutions: 3x3x3 convolutions of a local path.
        hidden_divisor: the localization networks have C / hidden_divisor filters.
        feature_extraction: False fuses the sampled volumes as they are (main paper Table 5, "no FE").
        tied_strides: one stride for x and y; None for the rule's own.
        per_frame: locations per frame, smoothed over time (main paper 4.2), in place of one per clip.
        write_back: put every sampled volume back at its place before its convolution and the fusion, on a map that is zero
            elsewhere. Not in the paper; the release has such a switch, off. Without it a volume fills the whole map.
        global_path: "plain" convolutions, as the release; "focal" for GaitPart's, with 1, 1, 4, 4, 8, 8 strips (in the
            release preset with its slope 1e-4 of the LeakyReLU).
        num_parts: horizontal strips; must divide the last map's height.
        embedding_channels: length of one part's feature.
        temporal_bias, temporal_activation: as in `MicroMotionPooling`.
        compact_channels: length of the compact feature; None for no compact block.
        dropout: within the compact block.
        clip_length: frames of the training clips (fixes the localization's time bins).
        synchronized: synchronize batch normalization over replicas (needs `tf.distribute`).
        form: which of the equal forms of convolution and pooling runs; see `layers.choose_form`.
        dtype: dtype policy of the layers, such as "mixed_float16"; None for the global one.
        seed: seed of first weights and dropout.
        name: name of the model.

    Returns:
        keras.Model. Input "silhouettes": float [batch, frames, height, width, 1], 0..1, any number of frames.
        Outputs, a dict: "part_features" float32 [batch, num_parts, embedding_channels], for the triplet loss;
        "embedding" float32 [batch, compact_channels], what probe and gallery are compared by (without a compact block
        the same as part_features); "logits" float32 [batch, num_classes] with num_classes.

    Raises:
        ValueError: an unknown preset, block or global path; a classifier without a compact block; an input too small.

    Example:
        >>> model = ThreeDLocal(preset="release")
        >>> sum(weight.numpy().size for weight in model.trainable_weights)
        4264862
    """
    defaults = preset_of(PRESETS, preset)

    def chosen(argument, value):
        return defaults[argument] if value is None else value

    local_blocks = tuple(chosen("local_blocks", local_blocks))
    if compact_channels == "preset":
        compact_channels = defaults["compact_channels"]
    check_arguments(local_blocks, global_path)
    check_channels(channels)
    check_input_shape(input_shape)
    path_arguments = dict(
        sampler=chosen("sampler", sampler),
        rule=chosen("rule", rule),
        tied_strides=tied_strides,
        per_frame=per_frame,
        write_back=write_back,
        num_convolutions=chosen("num_convolutions", num_convolutions),
        clip_length=clip_length,
        synchronized=synchronized,
        form=form,
        dtype=dtype,
    )
    strips = {"plain": (1, 1, 1), "focal": (1, 4, 8)}[global_path]
    # The release's focal convolution applies the LeakyReLU of slope 0.01 twice.
    negative_slope = 1e-4 if global_path == "focal" and preset == "release" else 0.01

    silhouettes = keras.Input(input_shape, name="silhouettes")  # b t y x 1
    x = silhouettes
    for block in (1, 2, 3):
        block_input, block_channels = x, channels[block - 1]
        x = frame_block(
            x,
            block_channels,
            f"block_{block}",
            5 if block == 1 else 3,
            strips[block - 1],
            negative_slope,
            form,
            dtype,
            seed=None if seed is None else seed + 100 * block,
        )
        if block in local_blocks:
            x = local_block(
                block_input,
                x,
                chosen("parts", parts),
                name=f"block_{block}",
                part_channels=None if feature_extraction else 0,
                hidden_channels=max(1, block_channels // chosen("hidden_divisor", hidden_divisor)),
                seed=None if seed is None else seed + 100 * block + 50,
                **path_arguments,
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
        x, embedding_channels, compact_channels, num_classes, dropout, synchronized=synchronized, seed=seed
    )
    return keras.Model(silhouettes, outputs, name=name)


def check_arguments(local_blocks, global_path):
    """Refuse what cannot be built, with the way out."""
    if not set(local_blocks) <= {1, 2, 3}:
        raise ValueError(f"Local paths can stand behind blocks 1, 2 and 3; got local_blocks={local_blocks}.")
    if global_path not in ("plain", "focal"):
        raise ValueError(f'global_path is "plain" or "focal", not {global_path!r}.')


def located_parts(model):
    """The model that tells where the parts are: silhouettes -> {block: {part: location}}.

    Args:
        model: a model with local paths, from `ThreeDLocal`.

    Returns:
        keras.Model whose output is a dict {"block_1": {"head": float32 [batch, 8], ..}, ..}; each location is a stacked
        `Location` in cells of that block's map ([batch, frames, 8] with per_frame).

    Raises:
        ValueError: a model without local paths.
    """
    located = {}
    for layer in model.layers:
        if isinstance(layer, LocalPath):
            block = layer.name.removesuffix(f"_{layer.prior.name}")
            _, location, _ = layer.output  # Keras lists a dict of outputs in the order of their names
            located.setdefault(block, {})[layer.prior.name] = location
    if not located:
        raise ValueError(f"The model {model.name!r} has no local paths, so there are no parts to locate.")
    return keras.Model(model.input, located, name=f"{model.name}_locations")
