"""The building block of the paper: a global path, several local paths, one fusion."""

from collections.abc import Mapping, Sequence

import keras

from tf3dlocal.io.types import Tensor
from tf3dlocal.layers.convolution.volume_convolution import VolumeConvolution
from tf3dlocal.layers.defaults import derive_seed
from tf3dlocal.layers.local.local_path import LocalPath
from tf3dlocal.layers.local.map_statistics import MapStatistics
from tf3dlocal.layers.local.part_priors import PAPER_PARTS, PartPrior

FUSION_STARTS = ("random", "identity")


def local_block(
    block_input: Tensor,
    *,
    global_map: Tensor,
    parts: Sequence[PartPrior | Mapping | Sequence] = PAPER_PARTS,
    name: str = "local_block",
    fusion_start: str = "random",
    dtype: str | keras.DTypePolicy | None = None,
    seed: int | None = None,
    **path_arguments,
) -> Tensor:
    """Add local paths to a global path and fuse them all: ReLU(conv 1x1x1([global, part 1, .., part n])).

    `local_paths`, then `fuse`. Main paper section 3.2 and Fig. 2.

    Args:
        block_input: [batch, frames, height, width, channels], the map that the local paths sample.
        global_map: [batch, frames, height, width, C], the output of the block's global path.
        parts: Part priors, at least one, each with its own name.
        name: Prefix of the layers' names.
        fusion_start: As in `fuse`.
        dtype: Dtype policy of the layers.
        seed: Seed of the model; every layer derives its own from it and from its name.
        **path_arguments: Further arguments of `local_paths` and of `LocalPath` (sampler, geometry, ..).

    Returns:
        [batch, frames, height, width, C].

    Raises:
        ValueError: No parts, two parts of the same name, or an unknown fusion_start.

    Example:
        >>> silhouettes = keras.Input((None, 16, 11, 4))
        >>> whole = ("whole", 1, 1, 1, .5, .5, .5)
        >>> local_block(silhouettes, global_map=silhouettes, parts=[whole], part_channels=2, hidden_channels=2).shape
        (None, None, 16, 11, 4)
    """
    common = dict(name=name, dtype=dtype, seed=seed)
    paths = local_paths(block_input, global_map=global_map, parts=parts, **path_arguments, **common)
    return fuse(global_map, features=[path["features"] for path in paths], start=fusion_start, **common)


def local_paths(
    block_input: Tensor,
    *,
    global_map: Tensor,
    parts: Sequence[PartPrior | Mapping | Sequence] = PAPER_PARTS,
    name: str = "local_block",
    part_channels: int | None = None,
    hidden_channels: int | None = None,
    dtype: str | keras.DTypePolicy | None = None,
    seed: int | None = None,
    **path_arguments,
) -> list[dict[str, Tensor]]:
    """Add one `LocalPath` per part next to a global path, without a fusion.

    The layers of the functional model are `{name}_statistics` (a `MapStatistics`, which all paths read) and
    `{name}_{part}` (a `LocalPath`) for every part.

    Args:
        block_input: [batch, frames, height, width, channels], the map that the local paths sample.
        global_map: [batch, frames, height, width, C], the map that they localize in.
        parts: Part priors, at least one, each with its own name.
        name: Prefix of the layers' names.
        part_channels: Filters of every path; None for C / 2 (main paper 3.2.3), 0 for no feature extraction.
        hidden_channels: Filters within the localization networks; None for C / 4 (supplement Table 1).
        dtype: Dtype policy of the layers.
        seed: Seed of the model; every layer derives its own from it and from its name.
        **path_arguments: Further arguments of `LocalPath` (sampler, geometry, num_convolutions, ..).

    Returns:
        The outputs of each `LocalPath`, in the order of the parts.

    Raises:
        ValueError: No parts, or two parts of the same name.
    """
    parts = [PartPrior.of(part) for part in parts]
    names = [part.name for part in parts]
    if not parts or len(set(names)) < len(names):
        raise ValueError(f"A local block needs at least one part, each with its own name; got {names!r}.")
    channels = global_map.shape[-1]
    halve_frames = not path_arguments.get("per_frame", False)
    statistics = MapStatistics(halve_frames=halve_frames, dtype=dtype, name=f"{name}_statistics")(global_map)
    paths = []
    for part in parts:
        layer_name = f"{name}_{part.name}"
        path = LocalPath(
            part,
            channels=max(1, channels // 2) if part_channels is None else part_channels,
            hidden_channels=max(1, channels // 4) if hidden_channels is None else hidden_channels,
            seed=derive_seed(seed, name=layer_name),
            dtype=dtype,
            name=layer_name,
            **path_arguments,
        )
        paths.append(path(block_input, global_map, statistics=statistics))
    return paths


def fuse(
    global_map: Tensor,
    *,
    features: Sequence[Tensor],
    name: str = "local_block",
    start: str = "random",
    dtype: str | keras.DTypePolicy | None = None,
    seed: int | None = None,
) -> Tensor:
    """Fuse the global path with the local paths: ReLU(conv 1x1x1([global, part 1, .., part n])).

    The layers of the functional model are `{name}_fusion`, a `VolumeConvolution` of all these maps, and
    `{name}_fusion_relu`.

    Args:
        global_map: [batch, frames, height, width, C].
        features: Of each part, [batch, frames, height, width, channels].
        name: Prefix of the layers' names.
        start: "random", or "identity": the fusion starts as a copy of the global map, without any of the parts, so that
            a trained global path continues from where it was. Then no ReLU follows it, which would cut off what the
            LeakyReLU of the global path lets through. The authors' code has such a start as an option, off.
        dtype: Dtype policy of the layers.
        seed: Seed of the model.

    Returns:
        [batch, frames, height, width, C].

    Raises:
        ValueError: An unknown start.
    """
    if start not in FUSION_STARTS:
        raise ValueError(f'fusion_start must be "random" or "identity"; got {start!r}.')
    fusion = VolumeConvolution(
        global_map.shape[-1],
        kernel_size=1,
        identity=start == "identity",
        seed=derive_seed(seed, name=f"{name}_fusion"),
        dtype=dtype,
        name=f"{name}_fusion",
    )
    fused = fusion([global_map, *features])  # b t y x C
    if start == "random":
        fused = keras.layers.ReLU(name=f"{name}_fusion_relu", dtype=dtype)(fused)
    return fused
