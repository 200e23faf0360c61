"""Where a model looks in one walk, as plain numbers that can be drawn, measured or kept."""

import numpy as np
from keras import ops

from tf3dlocal.layers import LocalPath
from tf3dlocal.models.three_d_local import located_parts


def part_geometry(model, silhouettes):
    """Locate the parts in one walk, and tell what else is needed to draw them.

    The keys are the arguments of `tf3dlocal.visualization.draw_part_boxes`:
    `draw_part_boxes(silhouettes, **part_geometry(model, silhouettes))`.

    Args:
        model: a model with local paths, from `ThreeDLocal`.
        silhouettes: uint8 [frames, height, width], 0..255, of the size that the model takes.

    Returns:
        dict of
        "located": {block: {part: float32 [8] or, with per_frame, [frames, 8]}}, stacked `Location`s;
        "priors": {block: {part: float32 [8]}}, the same for raw numbers of zero: where the parts are before training;
        "map_sizes": {block: (height, width)} of the sampled maps, in cells;
        "num_rows": {block: {part: sampled rows}} of the parts that are sampled in fewer rows than the map has;
        "grid": "symmetric" or "release".

    Raises:
        ValueError: a model without local paths, or silhouettes of another size.

    Example:
        >>> from tf3dlocal.models import ThreeDLocal
        >>> model = ThreeDLocal(channels=(2, 4, 8), local_blocks=(3,))
        >>> geometry = part_geometry(model, np.zeros((8, 64, 44), "uint8"))
        >>> geometry["map_sizes"], geometry["located"]["block_3"]["head"].shape
        ({'block_3': (16, 11)}, (8,))
    """
    silhouettes = np.asarray(silhouettes)
    expected = model.input_shape[2:4]
    if silhouettes.dtype != np.uint8 or silhouettes.ndim != 3 or silhouettes.shape[1:] != expected:
        raise ValueError(
            f"the model takes one walk as uint8 [frames, {expected[0]}, {expected[1]}], not "
            f"{silhouettes.dtype} {list(silhouettes.shape)}; of a square silhouette cut the sides off"
        )
    batch = silhouettes[None, ..., None].astype("float32") / 255  # 1 t y x 1
    located = {
        block: {part: ops.convert_to_numpy(location)[0] for part, location in parts.items()}
        for block, parts in located_parts(model)(batch, training=False).items()
    }
    paths = {block: {part: model.get_layer(f"{block}_{part}") for part in parts} for block, parts in located.items()}
    grids = {path.sampler.grid for parts in paths.values() for path in parts.values()}
    return {
        "located": located,
        "priors": {
            block: {part: prior_location(path, len(silhouettes)) for part, path in parts.items()}
            for block, parts in paths.items()
        },
        "map_sizes": {block: map_size(next(iter(parts.values()))) for block, parts in paths.items()},
        "num_rows": {
            block: {part: path.sampler.num_rows for part, path in parts.items() if path.sampler.num_rows is not None}
            for block, parts in paths.items()
        },
        "grid": grids.pop(),  # one rule, and so one grid, for the whole model
    }


def map_size(path: LocalPath):
    """(height, width) of the map that a local path samples."""
    block_input, _ = path.input
    return tuple(block_input.shape[2:4])


def prior_location(path: LocalPath, num_frames):
    """Where a path of this prior looks while its localization emits zeros: float32 [8]."""
    raw = ops.zeros((1, path.localization.num_outputs))
    return ops.convert_to_numpy(path.decode(raw, (num_frames, *map_size(path))))[0]
