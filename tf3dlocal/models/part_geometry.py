"""Where a model looks in one walk, as plain numbers that can be drawn, measured or stored."""

from collections.abc import Callable, Mapping

import keras
import numpy as np
from keras import ops

from tf3dlocal.io.types import Tensor
from tf3dlocal.layers import LocalPath, Location

PART_NUMBERS = ("center_x", "center_y", "center_t", "width", "height", "length", "variance", "confidence")
"""What `part_numbers` gives of every part."""


def located_parts(model: keras.Model) -> keras.Model:
    """Create the model that locates the parts: silhouettes -> {block: {part: location}}.

    Args:
        model: A model with local paths, from `ThreeDLocal`.

    Returns:
        keras.Model whose output is a dict {"block_1": {"head": float32 [batch, 8], ..}, ..}; each location is a stacked
        `Location` in cells of that block's map ([batch, frames, 8] with per_frame).

    Raises:
        ValueError: A model without local paths.
    """
    located = {}
    for layer in model.layers:
        if isinstance(layer, LocalPath):
            block = layer.name.removesuffix(f"_{layer.prior.name}")
            located.setdefault(block, {})[layer.prior.name] = layer.outputs["location"]
    if not located:
        raise ValueError(f"The model {model.name!r} has no local paths, so there are no parts to locate.")
    return keras.Model(model.input, located, name=f"{model.name}_locations")


def part_numbers(model: keras.Model) -> Callable[[Tensor], dict[str, dict[str, Tensor]]]:
    """Create the function that says what each part does, in numbers that compare over blocks, sizes and lengths.

    The eight `PART_NUMBERS` of a part are its centre and its extent as shares of the map's width, height and frames
    (0.5 is the middle), the variance of its filters in cells squared, and its confidence. With a location per frame
    they are means over the frames.

    Args:
        model: A model with local paths, from `ThreeDLocal`.

    Returns:
        Function from silhouettes, float [batch, frames, height, width, 1], to {"block_1": {"head": float32 [batch, 8],
        ..}, ..}.

    Raises:
        ValueError: A model without local paths.

    Example:
        >>> from tf3dlocal.models import ThreeDLocal
        >>> numbers = part_numbers(ThreeDLocal(channels=(2, 4, 8), local_blocks=(3,)))
        >>> found = numbers(np.zeros((1, 8, 64, 44, 1), "float32"))["block_3"]["left_arm"][0]
        >>> print(dict(zip(PART_NUMBERS, found.numpy().round(2)))["center_x"])
        0.3
    """
    located = located_parts(model)

    def numbers_of(silhouettes):
        frames = ops.shape(silhouettes)[1]
        return {
            block: {part: _shares(place, model.get_layer(f"{block}_{part}"), frames) for part, place in parts.items()}
            for block, parts in located(silhouettes, training=False).items()
        }

    return numbers_of


def prior_numbers(model: keras.Model) -> dict[str, dict[str, np.ndarray]]:
    """Compute what each part does before training, in the numbers of `part_numbers`: {block: {part: float32 [8]}}.

    Args:
        model: A model with local paths, from `ThreeDLocal`.

    Raises:
        ValueError: A model without local paths.

    Example:
        >>> from tf3dlocal.models import ThreeDLocal
        >>> found = prior_numbers(ThreeDLocal(channels=(2, 4, 8), local_blocks=(3,)))["block_3"]["left_arm"]
        >>> print(dict(zip(PART_NUMBERS, found.round(2)))["center_x"])
        0.3
    """
    paths = {
        block: {part: model.get_layer(f"{block}_{part}") for part in parts}
        for block, parts in located_parts(model).output.items()
    }
    frames = 2  # of any walk: the numbers are shares
    return {
        block: {
            part: ops.convert_to_numpy(_shares(_prior_location(path, frames)[None], path, frames))[0]
            for part, path in parts.items()
        }
        for block, parts in paths.items()
    }


def _shares(location: Tensor, path: LocalPath, frames: int | Tensor) -> Tensor:
    """Turn locations in cells into `PART_NUMBERS`."""
    if len(location.shape) == 3:
        location = ops.mean(location, axis=1)
    height, width = _map_size(path)
    place, edge = Location.unstack(location), 0.5 if path.geometry == "paper" else 0.0
    frames = ops.cast(frames, location.dtype)
    numbers = [
        (place.center_x + edge) / width,
        (place.center_y + edge) / height,
        (place.center_t + edge) / frames,
        place.stride_x,  # of as many points as the map has columns
        place.stride_y * ((path.sampler.num_rows or height) / height),
        place.stride_t,
        place.variance,
        place.confidence,
    ]
    return ops.stack(numbers, axis=-1)


def check_located(located: Mapping[str, Mapping[str, Tensor]]) -> None:
    """Check that a model locates its parts at finite places.

    Args:
        located: {block: {part: numbers}}, of any shape.

    Raises:
        ValueError: A number is not finite, as of a model that has diverged; its block and part are named.

    Example:
        >>> check_located({"block_3": {"head": np.zeros(8)}})
    """
    lost = [
        f"{block} {part}"
        for block, parts in located.items()
        for part, place in parts.items()
        if not np.isfinite(ops.convert_to_numpy(place)).all()
    ]
    if lost:
        more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
        raise ValueError(
            f"The location of {', '.join(lost[:3])}{more} is not finite: "
            "the model has diverged. Use an earlier checkpoint, or train again with a lower learning rate."
        )


def part_geometry(model: keras.Model, *, silhouettes: np.ndarray) -> dict:
    """Locate the parts in one walk, and collect what is needed to draw them.

    The keys are the arguments of `tf3dlocal.visualization.draw_part_boxes`:
    `draw_part_boxes(silhouettes, **part_geometry(model, silhouettes=silhouettes))`.

    Args:
        model: A model with local paths, from `ThreeDLocal`.
        silhouettes: uint8 [frames, height, width], 0..255, of the size that the model expects.

    Returns:
        dict of
        "located": {block: {part: float32 [8] or, with per_frame, [frames, 8]}}, stacked `Location`s;
        "priors": {block: {part: float32 [8]}}, the same for raw numbers of zero: where the parts are before training;
        "map_sizes": {block: (height, width)} of the sampled maps, in cells;
        "num_rows": {block: {part: sampled rows}} of the parts that are sampled in fewer rows than the map has;
        "geometry": "paper" or "release".

    Raises:
        ValueError: A model without local paths, silhouettes of another size, or a location that is not finite, as of a
            model that has diverged.

    Example:
        >>> from tf3dlocal.models import ThreeDLocal
        >>> model = ThreeDLocal(channels=(2, 4, 8), local_blocks=(3,))
        >>> geometry = part_geometry(model, silhouettes=np.zeros((8, 64, 44), "uint8"))
        >>> geometry["map_sizes"], geometry["located"]["block_3"]["head"].shape
        ({'block_3': (16, 11)}, (8,))
    """
    silhouettes = np.asarray(silhouettes)
    expected = model.input_shape[2:4]
    if silhouettes.dtype != np.uint8 or silhouettes.ndim != 3 or silhouettes.shape[1:] != expected:
        raise ValueError(
            f"The model expects one walk as uint8 [frames, {expected[0]}, {expected[1]}]; got "
            f"{silhouettes.dtype} {list(silhouettes.shape)}. Cut the sides off square silhouettes."
        )
    batch = silhouettes[None, ..., None].astype("float32") / 255  # 1 t y x 1
    located = {
        block: {part: ops.convert_to_numpy(location)[0] for part, location in parts.items()}
        for block, parts in located_parts(model)(batch, training=False).items()
    }
    check_located(located)
    paths = {block: {part: model.get_layer(f"{block}_{part}") for part in parts} for block, parts in located.items()}
    geometries = {path.geometry for parts in paths.values() for path in parts.values()}
    return {
        "located": located,
        "priors": {
            block: {part: _prior_location(path, len(silhouettes)) for part, path in parts.items()}
            for block, parts in paths.items()
        },
        "map_sizes": {block: _map_size(next(iter(parts.values()))) for block, parts in paths.items()},
        "num_rows": {
            block: {part: path.sampler.num_rows for part, path in parts.items() if path.sampler.num_rows is not None}
            for block, parts in paths.items()
        },
        "geometry": geometries.pop(),  # the whole model has one
    }


def _map_size(path):
    """(height, width) of the map that a local path samples."""
    block_input, *_ = path.input
    return tuple(block_input.shape[2:4])


def _prior_location(path, num_frames):
    """Where a path looks while its localization emits zeros: float32 [8]."""
    raw = ops.zeros((1, path.localization.num_outputs))
    return ops.convert_to_numpy(path.decode(raw, (num_frames, *_map_size(path))))[0]
