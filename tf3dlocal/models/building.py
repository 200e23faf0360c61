"""What the model builders share: checks, the preset's values, the blocks of a backbone, and copied initial weights."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace

import keras

from tf3dlocal.io import near_names
from tf3dlocal.io.types import Tensor
from tf3dlocal.layers import HorizontalPooling, MicroMotionPooling, derive_seed, frame_block


def resolve_arguments(
    presets: Mapping[str, Mapping],
    *,
    preset: str,
    input_shape: Sequence[int | None],
    channels: Sequence[int],
    num_blocks: Sequence[int] = (3,),
    **arguments,
) -> SimpleNamespace:
    """Check the arguments that every model has, and replace those that are None with the preset's values.

    Args:
        presets: the values of every preset, {preset: {name: value}}; may have names that are no arguments.
        preset: a key of presets.
        input_shape: (frames or None, height, width, channels), with a fixed height and width.
        channels: channels of the blocks, one number per block.
        num_blocks: the numbers of blocks that the model can have.
        **arguments: further arguments of the builder; None stands for the preset's value.

    Returns:
        Namespace of the preset's values and the arguments.

    Raises:
        ValueError: an unknown preset, an input shape or a number of channels that the model cannot have.

    Example:
        >>> presets = {"paper": {"bins": (1, 2), "compact_channels": 0}}
        >>> common = {"preset": "paper", "input_shape": (None, 64, 44, 1), "channels": (32, 64, 128)}
        >>> resolve_arguments(presets, **common, bins=None, compact_channels=9)
        namespace(bins=(1, 2), compact_channels=9)
    """
    if preset not in presets:
        raise ValueError(f"Unknown preset {preset!r}. {near_names(str(preset), presets)}")
    if len(input_shape) != 4 or None in tuple(input_shape)[1:]:
        raise ValueError(
            "input_shape must be (frames or None, height, width, 1) with a fixed height and width; got "
            f"{tuple(input_shape)!r}."
        )
    if len(channels) not in num_blocks:
        counts = " or ".join(map(str, num_blocks))
        raise ValueError(f"channels must have {counts} numbers, one per block; got {tuple(channels)!r}.")
    given = {name: value for name, value in arguments.items() if value is not None}
    return SimpleNamespace(**{**presets[preset], **given})


def backbone_block(maps: Tensor, *, number: int, path: str = "block", **arguments) -> Tensor:
    """Add block `number` of a silhouette backbone; the first kernel of block 1 has 5 x 5 cells.

    Args:
        maps: [batch, frames, height, width, channels].
        number: number of the block, counted from 1.
        path: the layers' names begin with `{path}_{number}`.
        **arguments: further arguments of `frame_block`.

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
        num_strips: horizontal strips; must divide the height.
        use_bias: as in `MicroMotionPooling`.
        activation: as in `MicroMotionPooling`.
        dtype: dtype policy of the layers.
        seed: seed of the model.

    Returns:
        [batch, num_strips, channels].

    Example:
        >>> strip_motions(keras.Input((None, 16, 11, 8)), num_strips=16, use_bias=False, activation="relu").shape
        (None, 16, 8)
    """
    strips = HorizontalPooling(num_strips, dtype=dtype, name="horizontal_pooling")(maps)  # b t p c
    return MicroMotionPooling(
        use_bias=use_bias,
        activation=activation,
        seed=derive_seed(seed, name="micro_motion_pooling"),
        dtype=dtype,
        name="micro_motion_pooling",
    )(strips)  # b p c


def start_as_copies(model: keras.Model, *, copies: Mapping[str, str]) -> None:
    """Copy the weights of some blocks to others, before training: {block: block that it starts as}."""
    for copy, original in copies.items():
        for number in (1, 2):
            layers = [model.get_layer(f"{block}_convolution_{number}") for block in (copy, original)]
            layers[0].kernel.assign(layers[1].kernel)
