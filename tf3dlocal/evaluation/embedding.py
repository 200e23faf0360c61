"""Embeddings of whole walks, computed in batches of equal length."""

import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from tf3dlocal.io import progress_bar
from tf3dlocal.io.types import Tensor

OUTPUT = "embedding"

_GRAPHS = weakref.WeakKeyDictionary()  # model -> {output name: traced function}


def embed_walks(
    model: Callable[[Tensor], Tensor] | Any,
    *,
    walks: Any,
    batch_size: int = 8,
    progress: bool = True,
    output: str = OUTPUT,
    max_frames: int = 720,
    width: int | None = None,
) -> np.ndarray:
    """Compute the embedding of every walk from all its frames.

    Only walks of equal length share a batch, so there is no padding and the embedding of a walk does not depend on the
    other walks of its batch. On a CPU the work of a walk is the same in a batch of one and of sixteen, so rare lengths
    cost nothing. One graph serves all lengths, so that no call traces the model again. The next batch is read while the
    model computes the current one.

    Args:
        model: A keras.Model, or any function from float32 [batch, frames, height, width, 1] (0..1) to a tensor
            [batch, parts, channels] or [batch, channels], or to a dict that has one under `output`; or a SavedModel, as
            `tf.saved_model.load` returns it or as `tf3dlocal.serving.ExportedModel`.
        walks: A WalkDataset, or any object with `num_frames` (int [walks]) and `read(i)`, which returns an object with
            `silhouettes`, uint8 [frames, height, width].
        batch_size: Largest number of walks in a batch.
        progress: Show a progress bar on standard error.
        output: Name of the embedding among the outputs.
        max_frames: Largest number of frames in a batch (except for a single longer walk), which bounds the memory.
        width: Columns that the model takes, in the middle of the silhouettes, for a model that does not say it by its
            input shape, such as a function. Default: all columns.

    Returns:
        float32 [walks, parts, channels], in the order of `walks`; one part if the model has no parts.

    Raises:
        ValueError: If there are no walks, a setting is out of its range, silhouettes are smaller than the model's
            input, no output has the name `output`, the output has another number of axes, or an embedding is not finite
            (the walk is named).

    Example:
        >>> class Walks:
        ...     num_frames = np.array([2, 3])
        ...     def read(self, i):
        ...         return type("Walk", (), {"silhouettes": np.full((self.num_frames[i], 64, 64), 255, np.uint8)})
        >>> embed_walks(lambda x: {"embedding": np.mean(x, axis=(1, 2, 3))}, walks=Walks(), progress=False).tolist()
        [[[1.0]], [[1.0]]]
    """
    num_frames = np.asarray(walks.num_frames)
    if len(num_frames) == 0:
        raise ValueError("There are no walks to embed. Check the selection and the protocol.")
    for name, value in (("batch_size", batch_size), ("max_frames", max_frames)):
        if value < 1:
            raise ValueError(f"{name} is {value!r}. Give a number from 1.")
    embed, (model_height, model_width) = _embedder(model, output)
    shape = (model_height, model_width or width)
    batches = list(_batches_of_equal_length(num_frames, batch_size, max_frames))
    embeddings = None
    with (
        ThreadPoolExecutor(1) as reader,
        progress_bar("embedding walks", total=len(num_frames), shown=progress) as advance,
    ):
        coming = reader.submit(_read, walks, rows=batches[0], shape=shape)
        for number, rows in enumerate(batches):
            silhouettes = coming.result()
            if number + 1 < len(batches):
                coming = reader.submit(_read, walks, rows=batches[number + 1], shape=shape)
            found = _as_parts(embed(silhouettes), len(rows), output)  # batch, parts, channels
            if embeddings is None:
                embeddings = np.empty((len(num_frames), *found.shape[1:]), np.float32)
            embeddings[rows] = found
            _check_finite(found, walks=walks, rows=rows)
            advance(len(rows))
    return embeddings


def name_of_walk(walks: Any, row: int) -> str:
    """Return "SUBJECT CONDITION VIEW" of a walk, or its row if these columns are not known."""
    columns = [getattr(walks, name, None) for name in ("subjects", "conditions", "view_degrees")]
    if any(column is None for column in columns):
        return f"in row {row}"
    subject, condition, view = (column[row] for column in columns)
    return f"{subject} {condition} {int(view):03d}"


def _check_finite(found: np.ndarray, *, walks: Any, rows: np.ndarray) -> None:
    usable = np.isfinite(found).all(axis=(1, 2))
    if not usable.all():
        row = int(rows[~usable][0])
        raise ValueError(
            f"The embedding of walk {name_of_walk(walks, row)} ({walks.num_frames[row]} frames) has numbers that are "
            "not finite. Check this walk, and whether the model has diverged."
        )


def _batches_of_equal_length(num_frames: np.ndarray, batch_size: int, max_frames: int) -> Iterator[np.ndarray]:
    """Yield the rows of each batch, long walks first, so that a lack of memory shows at once."""
    for length in np.unique(num_frames)[::-1]:
        rows = np.flatnonzero(num_frames == length)
        step = max(1, min(batch_size, max_frames // max(1, int(length))))
        for start in range(0, len(rows), step):
            yield rows[start : start + step]


def _read(walks: Any, *, rows: np.ndarray, shape: tuple[int | None, int | None]) -> np.ndarray:
    """Read walks as uint8 [batch, frames, height, width], with equal margins cut to the model's width."""
    silhouettes = np.stack([walks.read(int(row)).silhouettes for row in rows])
    height, width = silhouettes.shape[2:]
    model_height, model_width = shape[0] or height, shape[1] or width
    margin = (width - model_width) // 2
    if model_height != height or margin < 0 or width - 2 * margin != model_width:
        raise ValueError(
            f"The model takes silhouettes of {model_height} x {model_width}, the walks have {height} x {width}. "
            f"Prepare the data set at size {model_height}."
        )
    return silhouettes[..., margin : width - margin]


def _embedder(model: Any, output: str) -> tuple[Callable, tuple[int | None, int | None]]:
    """Return a function from uint8 [batch, frames, height, width] to the embedding, and the size that it takes."""
    if signatures := getattr(model, "signatures", None):
        return _from_signatures(signatures, output)
    if hasattr(model, "embed") and hasattr(model, "width"):
        return model.embed, (model.height, model.width)
    if hasattr(model, "input_shape"):
        size = _height_and_width(model)
        function = _traced(model, size, output)
    else:
        size, function = (None, None), lambda x: _pick(model(x), output)
    return lambda x: function(_scaled(x)[..., np.newaxis]), size


def _traced(model, size, output):
    """Trace one graph for all lengths and batches; it lives as long as the model, which a callback evaluates often."""
    import tensorflow as tf

    graphs = _GRAPHS.setdefault(model, {})
    if output not in graphs:
        alive = weakref.ref(model)  # a graph that holds the model would keep it in the dictionary for ever
        signature = [tf.TensorSpec([None, None, *size, 1], tf.float32)]
        # What the embedding does not need is pruned from the graph.
        graphs[output] = tf.function(lambda x: _pick(alive()(x, training=False), output), input_signature=signature)
    return graphs[output]


def _height_and_width(model):
    shape = model.input_shape
    if isinstance(shape, dict) and len(shape) == 1:
        (shape,) = shape.values()
    if not isinstance(shape, tuple) or len(shape) != 5:
        raise ValueError(f"The model takes {shape}. One input [batch, frames, height, width, 1] is required.")
    return shape[2:4]


def _from_signatures(signatures, output):
    for name in ("float", "serving_default", *signatures):
        if name in signatures and len(signatures[name].structured_input_signature[1]) == 1:
            signature = signatures[name]
            break
    else:
        raise ValueError(
            f"The SavedModel has the signatures {sorted(signatures)}. One with a single input is required."
        )
    ((argument, spec),) = signature.structured_input_signature[1].items()
    size = (None, None) if spec.shape.rank is None else tuple(spec.shape[2:4])

    def embed(silhouettes):
        import tensorflow as tf

        x = silhouettes if spec.dtype == tf.uint8 else _scaled(silhouettes)
        x = x[..., np.newaxis] if spec.shape.rank == 5 else x
        return _pick(signature(**{argument: tf.constant(x, spec.dtype)}), output)

    return embed, size


def _scaled(silhouettes: np.ndarray) -> np.ndarray:
    return silhouettes.astype(np.float32) / np.float32(255)


def _pick(outputs, output: str):
    if not isinstance(outputs, dict):
        return outputs
    if output not in outputs:
        raise ValueError(f"The model's outputs are {', '.join(sorted(outputs))}. None has the name {output!r}.")
    return outputs[output]


def _as_parts(found, num_walks: int, output: str) -> np.ndarray:
    found = np.asarray(found, np.float32)
    if found.ndim == 2:
        found = found[:, np.newaxis, :]
    if found.ndim != 3 or len(found) != num_walks:
        raise ValueError(
            f"The output {output!r} has shape {list(found.shape)} for {num_walks} walks. "
            "[batch, parts, channels] or [batch, channels] is required."
        )
    return found
