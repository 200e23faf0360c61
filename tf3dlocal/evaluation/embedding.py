"""Whole walks through a model, in batches of equal length."""

import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tf3dlocal.evaluation.progress import progress_bar

OUTPUT = "embedding"

_GRAPHS = weakref.WeakKeyDictionary()  # model -> {output name: traced function}


def embed_walks(
    model, walks, batch_size: int = 8, progress: bool = True, output: str = OUTPUT, max_frames: int = 720
) -> np.ndarray:
    """The embedding of every walk, each computed from all its frames.

    Only walks of equal length share a batch, so nothing is padded and a walk's embedding does not depend on its
    neighbours. Where few walks are equally long nothing is lost: on a CPU the work of a walk is the same in a batch of
    one and of sixteen. What a walk alone costs beyond its work, the search for a graph at every call, is paid once here:
    one graph serves all lengths. The next batch is read while the model works on the present one.

    Args:
      model: a keras.Model or any function from float32 [batch, frames, height, width, 1] (0..1) to a tensor
        [batch, parts, channels] or [batch, channels], or to a dict that holds one under `output`; or a SavedModel, as
        `tf.saved_model.load` gives it or as `tf3dlocal.serving.ExportedModel`.
      walks: a WalkDataset, or anything with `num_frames` (int [walks]) and `read(i)` that gives an object with
        `silhouettes`, uint8 [frames, height, width].
      batch_size: walks in a batch at most.
      progress: show a progress bar on standard error.
      output: the name of the embedding among the outputs.
      max_frames: frames in a batch at most (a single longer walk excepted): this bounds the memory.

    Returns: float32 [walks, parts, channels], in the order of `walks`; one part if the model gives none.

    Raises:
      KeyError: the model's outputs have names, and none is `output`.
      ValueError: no walks, silhouettes narrower than the model takes, an output of another rank.

    Example:
      >>> class Walks:
      ...     num_frames = np.array([2, 3])
      ...     def read(self, i):
      ...         return type("Walk", (), {"silhouettes": np.full((self.num_frames[i], 64, 64), 255, np.uint8)})
      >>> embed_walks(lambda x: {"embedding": np.mean(x, axis=(1, 2, 3))}, Walks(), progress=False).tolist()
      [[[1.0]], [[1.0]]]
    """
    num_frames = np.asarray(walks.num_frames)
    if len(num_frames) == 0:
        raise ValueError("there are no walks to embed; look at what select() or the protocol left")
    embed, shape = _embedder(model, output)
    batches = list(_equal_lengths(num_frames, batch_size, max_frames))
    embeddings = None
    with ThreadPoolExecutor(1) as reader, progress_bar("embedding walks", len(num_frames), progress) as advance:
        coming = reader.submit(_read, walks, batches[0], shape)
        for number, rows in enumerate(batches):
            silhouettes = coming.result()
            if number + 1 < len(batches):
                coming = reader.submit(_read, walks, batches[number + 1], shape)
            found = _as_parts(embed(silhouettes), len(rows), output)  # batch, parts, channels
            if embeddings is None:
                embeddings = np.empty((len(num_frames), *found.shape[1:]), np.float32)
            embeddings[rows] = found
            advance(len(rows))
    return embeddings


def _equal_lengths(num_frames: np.ndarray, batch_size: int, max_frames: int) -> Iterator[np.ndarray]:
    """Numbers of walks, batch by batch; long walks first, so that too little memory shows at once."""
    for length in np.unique(num_frames)[::-1]:
        rows = np.flatnonzero(num_frames == length)
        step = max(1, min(batch_size, max_frames // max(1, int(length))))
        for start in range(0, len(rows), step):
            yield rows[start : start + step]


def _read(walks, rows, shape) -> np.ndarray:
    """uint8 [batch, frames, height, width], the sides cut to the model's width."""
    silhouettes = np.stack([walks.read(int(row)).silhouettes for row in rows])
    height, width = silhouettes.shape[2:]
    wanted_height, wanted_width = shape
    # 44 of 64 and 88 of 128 columns, as all published systems cut them; a model that says its width decides itself.
    wanted_width = wanted_width or (width - 2 * (10 * height // 64) if width == height else width)
    side = (width - wanted_width) // 2
    if wanted_height not in (None, height) or side < 0 or width - 2 * side != wanted_width:
        raise ValueError(
            f"the model takes silhouettes of {wanted_height} x {wanted_width}, the walks have {height} x {width}; "
            f"prepare the data set at size {wanted_height}"
        )
    return silhouettes[..., side : width - side]


def _embedder(model, output: str) -> tuple[Callable, tuple[int | None, int | None]]:
    """A function from uint8 [batch, frames, height, width] to the embedding, and the height and width it takes."""
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
    """One graph for all lengths and batches, kept as long as the model: a callback evaluates it many times."""
    import tensorflow as tf

    graphs = _GRAPHS.setdefault(model, {})
    if output not in graphs:
        alive = weakref.ref(model)  # a graph that held the model would keep it in the table for ever
        signature = [tf.TensorSpec([None, None, *size, 1], tf.float32)]
        # What the embedding does not need is pruned from the graph.
        graphs[output] = tf.function(lambda x: _pick(alive()(x, training=False), output), input_signature=signature)
    return graphs[output]


def _height_and_width(model):
    shape = model.input_shape
    if isinstance(shape, dict) and len(shape) == 1:
        (shape,) = shape.values()
    if not isinstance(shape, tuple) or len(shape) != 5:
        raise ValueError(f"the model takes {shape}; one input [batch, frames, height, width, 1] is needed")
    return shape[2:4]


def _from_signatures(signatures, output):
    for name in ("float", "serving_default", *signatures):
        if name in signatures and len(signatures[name].structured_input_signature[1]) == 1:
            signature = signatures[name]
            break
    else:
        raise ValueError(f"the SavedModel has the signatures {sorted(signatures)}, none with a single input")
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
        raise KeyError(f"the model's outputs are {', '.join(sorted(outputs))}; none is called '{output}'")
    return outputs[output]


def _as_parts(found, num_walks: int, output: str) -> np.ndarray:
    found = np.asarray(found, np.float32)
    if found.ndim == 2:
        found = found[:, np.newaxis, :]
    if found.ndim != 3 or len(found) != num_walks:
        raise ValueError(
            f"'{output}' has shape {list(found.shape)} for {num_walks} walks; "
            "[batch, parts, channels] or [batch, channels] is needed"
        )
    return found
