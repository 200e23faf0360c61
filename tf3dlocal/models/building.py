"""What the model builders share: the preset's values, backbone blocks, copied initial weights."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace

import keras

from tf3dlocal.io.types import Tensor
from tf3dlocal.layers import HorizontalPooling, MicroMotionPooling, derive_seed, frame_block


def resolve_arguments(
    presets: Mapping[str, Mapping],
    *,
    preset: str,
    **arguments,
) -> SimpleNamespace:
    """Replace the arguments that are None with the preset's values.

    Args:
        presets: The values of every preset, {preset: {name: value}}; may have names that are no arguments.
        preset: A key of presets.
        **arguments: Further arguments of the builder; None means the preset's value.

    Returns:
        Namespace of the preset's values and the arguments.

    Example:
        >>> presets = {"paper": {"bins": (1, 2), "compact_channels": 0}}
        >>> resolve_arguments(presets, preset="paper", bins=None, compact_channels=9)
        namespace(bins=(1, 2), compact_channels=9)
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    return SimpleNamespace(**{**presets[preset], **given})


def backbone_block(maps: Tensor, *, number: int, path: str = "block", **arguments) -> Tensor:
    """Add block `number` of a silhouette backbone; the first kernel of block 1 has 5 x 5 cells.

    Args:
        maps: [batch, frames, height, width, channels].
        number: Number of the block, counted from 1.
        path: The layers' names begin with `{path}_{number}`.
        **arguments: Further arguments of `frame_block`.

    Returns:
        [batch, frames, height, width, channels].

    Example:
        >>> backbone_block(keras.Input((None, 64, 44, 1)), number=1, channels=32).shape
        (None, None, 64, 44, 32)
    """
    return frame_block(maps, name=f"{path}_{number}", first_kernel=5 if number == 1 else 3, **arguments)


def strip_motions(
    maps: Tensor,
    *,
    num_strips: int,
    use_bias: bool,
    activation: str,
    dtype: str | keras.DTypePolicy | None = None,
    seed: int | None = None,
) -> Tensor:
    """Add horizontal pooling and micro-motion pooling: one vector per strip of the whole walk, as in GaitPart.

    Args:
        maps: [batch, frames, height, width, channels].
        num_strips: Horizontal strips; must divide the height.
        use_bias: As in `MicroMotionPooling`.
        activation: As in `MicroMotionPooling`.
        dtype: Dtype policy of the layers.
        seed: Seed of the model.

    Returns:
        [batch, num_strips, channels].

    Example:
        >>> strip_motions(keras.Input((None, 16, 11, 8)), num_strips=16, use_bias=False, activation="relu").shape
        (None, 16, 8)
    """
    strips = HorizontalPooling(num_strips, dtype=dtype, name="horizontal_pooling")(maps)  # b t p c
    return _motions(
        strips, "micro_motion_pooling", use_bias=use_bias, activation=activation, dtype=dtype, seed=seed
    )  # b p c


def body_part_motions(
    features: Sequence[Tensor],
    *,
    name: str,
    num_strips: int,
    use_bias: bool,
    activation: str,
    dtype: str | keras.DTypePolicy | None = None,
    seed: int | None = None,
) -> Tensor:
    """Add horizontal and micro-motion pooling of a block's body parts: one vector per strip of every local path.

    Args:
        features: Of each local path, [batch, frames, height, width, channels].
        name: Prefix of the layers' names.
        num_strips: Horizontal strips of a part; must divide the height.
        use_bias: As in `MicroMotionPooling`.
        activation: As in `MicroMotionPooling`.
        dtype: Dtype policy of the layers.
        seed: Seed of the model.

    Returns:
        [batch, paths num_strips, channels].

    Example:
        >>> maps = [keras.Input((None, 16, 11, 8))] * 6
        >>> body_part_motions(maps, name="block_3", num_strips=2, use_bias=False, activation="relu").shape
        (None, 12, 8)
    """
    pooling = HorizontalPooling(num_strips, dtype=dtype, name=f"{name}_part_pooling")
    parts = keras.layers.Concatenate(axis=2, dtype=dtype, name=f"{name}_parts")([pooling(map_) for map_ in features])
    return _motions(
        parts, f"{name}_part_motions", use_bias=use_bias, activation=activation, dtype=dtype, seed=seed
    )  # b p c


def _motions(vectors, name, *, use_bias, activation, dtype, seed):
    return MicroMotionPooling(
        use_bias=use_bias,
        activation=activation,
        seed=derive_seed(seed, name=name),
        dtype=dtype,
        name=name,
    )(vectors)


def start_as_copies(model: keras.Model, *, copies: Mapping[str, str]) -> None:
    """Copy the weights of some blocks to others, before training: {block: block that it starts as}."""
    for copy, original in copies.items():
        for number in (1, 2):
            layers = [model.get_layer(f"{block}_convolution_{number}") for block in (copy, original)]
            layers[0].kernel.assign(layers[1].kernel)
