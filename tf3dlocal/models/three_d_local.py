"""3DLocal (Huang et al., ICCV 2021), as the paper describes it and as the authors' code computes it."""

from collections.abc import Mapping, Sequence

import keras
from keras import ops

from tf3dlocal.layers import (
    PAPER_PARTS,
    RELEASE_PARTS,
    WHOLE_CLIP_PARTS,
    FramePooling,
    PartPrior,
    fuse,
    local_paths,
)
from tf3dlocal.models import agreement
from tf3dlocal.models.arguments import checked
from tf3dlocal.models.building import backbone_block, resolve_arguments, strip_motions
from tf3dlocal.models.gait_model import GaitModel
from tf3dlocal.models.heads import embedding_head

# The differences between the paper (with its supplement), the authors' code, and what does best in our trainings. All
# entries are arguments too, except focal_slope: the release's focal convolution applies the LeakyReLU (0.01) twice.
PRESETS = {
    "paper": dict(
        local_blocks=(1, 2, 3),
        sampler="mixture",
        parts=PAPER_PARTS,
        geometry="paper",
        num_convolutions=1,
        hidden_divisor=4,
        temporal_bias=False,
        temporal_activation="leaky_relu",
        compact_channels=256,
        fusion=True,
        part_strips=0,
        focal_slope=0.01,
    ),
    "release": dict(
        local_blocks=(3,),
        sampler="gaussian",
        parts=RELEASE_PARTS,
        geometry="release",
        num_convolutions=2,
        hidden_divisor=2,
        temporal_bias=True,
        temporal_activation="relu",
        compact_channels=0,
        fusion=True,
        part_strips=0,
        focal_slope=1e-4,
    ),
}
PRESETS["recommended"] = PRESETS["paper"] | dict(
    local_blocks=(3,),
    parts=WHOLE_CLIP_PARTS,
    fusion=False,
    part_strips=1,
)


@checked(PRESETS, agreement=agreement.three_d_local)
def ThreeDLocal(
    preset: str = "paper",
    *,
    num_classes: int | None = None,
    input_shape: Sequence[int | None] = (None, 64, 44, 1),
    channels: Sequence[int] = (32, 64, 128),
    local_blocks: Sequence[int] | None = None,
    sampler: str | None = None,
    parts: Sequence[PartPrior | Mapping | Sequence] | None = None,
    geometry: str | None = None,
    num_convolutions: int | None = None,
    hidden_divisor: int | None = None,
    feature_extraction: bool = True,
    tied_strides: bool | None = None,
    per_frame: bool = False,
    registered: bool = False,
    fusion: bool | None = None,
    fusion_start: str = "random",
    part_strips: int | None = None,
    location_norm: bool | None = None,
    location_jitter: float = 0.0,
    path_dropout: float = 0.0,
    prior_distances: bool = False,
    global_path: str = "plain",
    num_strips: int = 16,
    embedding_channels: int = 256,
    feature_norm: bool = False,
    temporal_bias: bool | None = None,
    temporal_activation: str | None = None,
    compact_channels: int | None = None,
    dropout: float = 0.9,
    clip_length: int = 30,
    synchronized: bool | None = None,
    dtype: str | keras.DTypePolicy | None = None,
    seed: int | None = None,
    name: str = "three_d_local",
) -> keras.Model:
    """Build 3DLocal as a functional model.

    Three blocks of two per-frame convolutions; after any of them, local paths for the body parts; max pooling after
    blocks 1 and 2; then 16 horizontal strips, micro-motion pooling over time, one linear map per strip, and (paper,
    with num_classes) the compact block with its classifier. Arguments that are None take the preset's value.

    | preset    | local blocks | raw numbers | feature convs | localization | time pooling   | embedding           |
    |-----------|--------------|-------------|---------------|--------------|----------------|---------------------|
    | "paper"   | 1, 2, 3      | 8           | 1             | C/4, Table 1 | leaky, no bias | compact block, 256* |
    | "release" | 3            | 7           | 2             | C/2          | ReLU, bias     | 16 strips x 256     |

    "recommended" is the paper with four changes, with which local paths no longer lowered the scores of our trainings
    with few people (docs/results.md): local paths after block 3 only, parts that are as long as the clip, no fusion,
    and features of the parts appended to those of the body (part_strips=1). Its global path computes what it computes
    without local paths.

    *The compact block is trained by its classifier, so the paper's full model is `ThreeDLocal(num_classes=74)` (74
    subjects; 4,068,144 parameters). Without num_classes there is neither: the embedding is the part features, 16 strips
    x 256 (2,991,920 parameters).

    "paper" is the main paper with its supplement; the layers' docstrings say how their open points are decided.
    "release" is the authors' code with its Gaussian sampler (4,264,862 parameters). The default sampler there, mixture,
    raises a shape error at most batch sizes; with sampler="mixture" this builder computes what the authors' code
    computes at batch size one, which looks at the end of the clip (see `LocalPath`). Embeddings recorded from their
    code with both samplers agree within 5e-5.

    Args:
        preset: "paper", "release" or "recommended".
        num_classes: Number of training subjects; adds the classifier and the output "logits", and in the paper's preset
            the compact block that it trains. None for a model without a classifier.
        input_shape: (frames or None, height, width, 1); (None, 64, 44, 1) or (None, 128, 88, 1) in the papers.
        channels: Channels C of the three blocks; (64, 128, 256) for OU-MVLP (main paper 4.2).
        local_blocks: The blocks with local paths: any of 1, 2, 3 (main paper Table 3). () is the global path alone of
            the same network: arguments of the local paths may stay, and nothing reads them.
        sampler: "mixture", "gaussian" or "trilinear" (main paper Table 4).
        parts: Part priors of the local paths (main paper Table 5 adds them one by one); see `PartPrior`.
        geometry: "paper" or "release", for offsets, strides, grids and rows of the local paths; see `decode_location`,
            `LocalPath`, `LocalizationNetwork` and the samplers.
        num_convolutions: Number of 3x3x3 convolutions of a local path.
        hidden_divisor: The localization networks have C / hidden_divisor filters.
        feature_extraction: False fuses the sampled volumes as they are (main paper Table 5, "no FE").
        tied_strides: One stride for x and y; None for the geometry's own.
        per_frame: Locations per frame, smoothed over time (main paper 4.2), instead of one per clip.
        registered: Return every sampled volume to its own location, on a map that is zero elsewhere, before its
            convolutions and the fusion. Not in the paper; the release has a similar switch, off, which is not
            reproduced (see `SeparableSampler3D.transposed_filters`). Without it a volume fills the whole map.
        fusion: False leaves the global map of every block as it is: the parts reach the embedding by part_strips alone.
        fusion_start: "random", or "identity": every fusion starts as a copy of the global map (see `fuse`), so that the
            local paths of a network that starts from a trained global path grow from nothing.
        part_strips: Append features of each local path to those of the body's strips: the path's volume is cut into so
            many strips, which have micro-motion pooling and linear maps of their own; 0 for none. Not in the paper; an
            early version of the authors' code has such a head, without strips, next to the fusion.
        location_norm: Batch normalization after Fc6 of the localization networks, as the release has it; None for the
            geometry's own.
        location_jitter: In training each part's centre moves by a normal number times this share of the part's extent.
        path_dropout: In training each part is left out of the fusion in this share of the clips.
        prior_distances: Add the output "prior_distances", of which a loss can keep the parts near their priors.
        global_path: "plain" convolutions, as in the release; "focal" for GaitPart's, with 1, 4 and 8 strips (in the
            release preset with its LeakyReLU slope of 1e-4).
        num_strips: Horizontal strips; must divide the last map's height.
        embedding_channels: Length of one strip's feature.
        feature_norm: Normalize the part features over the batch, as batch normalization does, and bring each to unit
            length, before the losses and the comparison. Not in the paper.
        temporal_bias: Whether the convolutions of `MicroMotionPooling` have a bias.
        temporal_activation: Activation of `MicroMotionPooling`.
        compact_channels: Length of the compact block's embedding; 0 for no compact block; None for the preset's (0 in
            "release", else 256) with num_classes, and 0 without. A number without num_classes warns: a triplet
            loss on "part_features" leaves such a block untrained.
        dropout: Dropout of the compact block.
        clip_length: Frames of the training clips (fixes the localization's time bins).
        synchronized: Synchronize batch normalization over the replicas of a `tf.distribute` strategy; None does so
            where the strategy in whose scope the model is built has several.
        dtype: Dtype policy of the layers, such as "mixed_float16"; None for the global one.
        seed: Seed of initial weights and dropout.
        name: Name of the model.

    Returns:
        keras.Model. Input "silhouettes": float [batch, frames, height, width, 1], 0..1, any number of frames.
        Outputs, a dict: "part_features" float32 [batch, num_strips, embedding_channels], for the triplet loss (with
        part_strips [batch, num_strips + part_strips x paths of all blocks, ..]); "embedding" float32 [batch,
        compact_channels], by which probe and gallery are compared (without a compact block the same as part_features);
        "logits" float32 [batch, num_classes] with num_classes; "prior_distances" float32 [batch, paths of all blocks]
        with prior_distances=True (see `LocalPath`).

    Raises:
        ValueError: An argument of another type or range; a classifier without a compact block; an input too small.
        TypeError: An unknown argument; the message names the nearest.

    Example:
        >>> model = ThreeDLocal("release")
        >>> sum(weight.numpy().size for weight in model.trainable_weights)
        4264862
    """
    chosen = resolve_arguments(
        PRESETS,
        preset=preset,
        local_blocks=local_blocks,
        sampler=sampler,
        parts=parts,
        geometry=geometry,
        num_convolutions=num_convolutions,
        hidden_divisor=hidden_divisor,
        temporal_bias=temporal_bias,
        temporal_activation=temporal_activation,
        compact_channels=compact_channels,
        fusion=fusion,
        part_strips=part_strips,
    )
    if compact_channels is None and num_classes is None:
        chosen.compact_channels = 0  # nothing would train it
    common = dict(dtype=dtype, seed=seed)
    silhouettes = keras.Input(input_shape, name="silhouettes")  # b t y x 1
    x, paths = _blocks(
        silhouettes,
        chosen,
        channels=channels,
        global_path=global_path,
        part_channels=None if feature_extraction else 0,
        fusion=fusion_start if chosen.fusion else None,
        path_arguments=dict(
            sampler=chosen.sampler,
            geometry=chosen.geometry,
            num_convolutions=chosen.num_convolutions,
            tied_strides=tied_strides,
            registered=registered,
            per_frame=per_frame,
            clip_length=clip_length,
            output_norm=location_norm,
            jitter=location_jitter,
            dropout=path_dropout,
            synchronized=synchronized,
        ),
        **common,
    )
    motions = dict(use_bias=chosen.temporal_bias, activation=chosen.temporal_activation, **common)
    outputs = embedding_head(
        strip_motions(x, num_strips=num_strips, **motions),  # b p c
        parts=_part_motions(paths, num_strips=chosen.part_strips, **motions),
        embedding_channels=embedding_channels,
        compact_channels=chosen.compact_channels,
        num_classes=num_classes,
        dropout=dropout,
        feature_norm=feature_norm,
        synchronized=synchronized,
        seed=seed,
    )
    if prior_distances:
        distances = [path["prior_distance"] for block_paths in paths.values() for path in block_paths]
        outputs["prior_distances"] = ops.stack(distances, axis=1)
    return GaitModel(silhouettes, outputs, name=name)


def _part_motions(paths, *, num_strips, **motions):
    """One vector per strip of every part, by block; none if num_strips is 0."""
    features = {block: [path["features"] for path in block_paths] for block, block_paths in paths.items()}
    return {
        block: strip_motions(maps, num_strips=num_strips, prefix=f"{block}_", **motions)
        for block, maps in features.items()
        if num_strips
    }


def _blocks(silhouettes, chosen, *, channels, global_path, part_channels, fusion, path_arguments, **common):
    """The last map, [batch, frames, height, width, channels], and the outputs of the local paths by block.

    fusion is the start of the fusions, or None for none.
    """
    strips, slope = ((1, 4, 8), chosen.focal_slope) if global_path == "focal" else ((1, 1, 1), 0.01)
    x, all_paths = silhouettes, {}
    for block, (block_channels, focal_strips) in enumerate(zip(channels, strips), start=1):
        block_input, name = x, f"block_{block}"
        x = backbone_block(
            x, number=block, channels=block_channels, num_strips=focal_strips, negative_slope=slope, **common
        )
        if block in chosen.local_blocks:
            paths = local_paths(
                block_input,
                global_map=x,
                parts=chosen.parts,
                name=name,
                part_channels=part_channels,
                hidden_channels=max(1, block_channels // chosen.hidden_divisor),
                **path_arguments,
                **common,
            )
            if fusion:
                x = fuse(x, features=[path["features"] for path in paths], name=name, start=fusion, **common)
            all_paths[name] = paths
        if block < 3:
            x = FramePooling(dtype=common["dtype"], name=f"{name}_pooling")(x)
    return x, all_paths
