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
    maps: Tensor | Sequence[Tensor],
    *,
    num_strips: int,
    use_bias: bool,
    activation: str,
    prefix: str = "",
    dtype: str | keras.DTypePolicy | None = None,
    seed: int | None = None,
) -> Tensor:
    """Add horizontal pooling and micro-motion pooling: one vector per strip of the whole walk, as in GaitPart.

    Args:
        maps: [batch, frames, height, width, channels], or several of them, whose strips stand one after the other.
        num_strips: Horizontal strips of a map; must divide the height.
        use_bias: As in `MicroMotionPooling`.
        activation: As in `MicroMotionPooling`.
        prefix: The layers' names begin with it.
        dtype: Dtype policy of the layers.
        seed: Seed of the model.

    Returns:
        [batch, num_strips, channels]; of several maps [batch, maps x num_strips, channels].

    Example:
        >>> strip_motions(keras.Input((None, 16, 11, 8)), num_strips=16, use_bias=False, activation="relu").shape
        (None, 16, 8)
    """
    pooling = HorizontalPooling(num_strips, dtype=dtype, name=f"{prefix}horizontal_pooling")
    if isinstance(maps, Sequence):
        strips = keras.layers.Concatenate(axis=2, dtype=dtype, name=f"{prefix}strips")([pooling(each) for each in maps])
    else:
        strips = pooling(maps)  # b t p c
    name = f"{prefix}micro_motion_pooling"
    return MicroMotionPooling(
        use_bias=use_bias, activation=activation, seed=derive_seed(seed, name=name), dtype=dtype, name=name
    )(strips)  # b p c


def start_as_copies(model: keras.Model, *, copies: Mapping[str, str]) -> None:
    """Copy the weights of some blocks to others, before training: {block: block that it starts as}."""
    for copy, original in copies.items():
        for number in (1, 2):
            layers = [model.get_layer(f"{block}_convolution_{number}") for block in (copy, original)]
            layers[0].kernel.assign(layers[1].kernel)
