"""The building block of the paper: a global path, several local paths, one fusion."""

import keras

from tf3dlocal.layers.local_path import LocalPath
from tf3dlocal.layers.part_priors import PAPER_PARTS, PartPrior
from tf3dlocal.layers.volume_convolution import VolumeConvolution


def local_block(
    block_input,
    global_map,
    parts=PAPER_PARTS,
    name="local_block",
    part_channels=None,
    hidden_channels=None,
    form="auto",
    seed=None,
    **path_arguments,
):
    """Add local paths to a global path and fuse them all: ReLU(conv 1x1x1([global, part 1, .., part n])).

    Writes named layers into a functional model: `{name}_{part}` (a `LocalPath`) for every part, `{name}_joined`,
    `{name}_fusion` and `{name}_fusion_relu`. Main paper section 3.2 and Fig. 2.

    Args:
        block_input: [batch, frames, height, width, channels], what the local paths sample.
        global_map: [batch, frames, height, width, C], the output of the block's global path.
        parts: part priors, any number of them; no two of one name.
        name: prefix of the layers' names.
        part_channels: filters of every path; None for C / 2 (main paper 3.2.3), 0 as in `LocalPath`.
        hidden_channels: filters within the localization networks; None for C / 4 (seed Table 1).
        form: as in `VolumeConvolution`.
        seed: seed of the first weights; each path gets one of its own.
        **path_arguments: further arguments of `LocalPath` (sampler, rule, num_convolutions, ..), and `dtype`.

    Returns:
        [batch, frames, height, width, C].

    Raises:
        ValueError: no parts, or two parts of one name.

    Example:
        >>> import keras
        >>> silhouettes = keras.Input((None, 16, 11, 4))
        >>> local_block(silhouettes, silhouettes, [("whole", 1, 1, 1, .5, .5, .5)], part_channels=2, hidden_channels=2).shape
        (None, None, 16, 11, 4)
    """
    parts = [PartPrior.of(part) for part in parts]
    names = [part.name for part in parts]
    if not parts or len(set(names)) < len(names):
        raise ValueError(f"A local block needs parts, each with a name of its own; got {names}.")
    channels = global_map.shape[-1]
    paths = [global_map]
    for index, part in enumerate(parts):
        path = LocalPath(
            part,
            max(1, channels // 2) if part_channels is None else part_channels,
            max(1, channels // 4) if hidden_channels is None else hidden_channels,
            form=form,
            seed=None if seed is None else seed + index + 1,
            name=f"{name}_{part.name}",
            **path_arguments,
        )
        paths.append(path(block_input, global_map)["features"])
    dtype = path_arguments.get("dtype")
    joined = keras.layers.Concatenate(name=f"{name}_joined", dtype=dtype)(paths)  # b t y x (C + n C/2)
    fused = VolumeConvolution(channels, 1, form, seed, name=f"{name}_fusion", dtype=dtype)(joined)  # b t y x C
    return keras.layers.ReLU(name=f"{name}_fusion_relu", dtype=dtype)(fused)
