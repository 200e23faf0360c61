"""What the original computed for some walks, against what ours does."""

import pathlib
import zipfile

import numpy as np

TOLERANCE = 1e-4  # the originals differ from themselves in double precision by 2e-6 .. 1e-5


def read_vectors(path):
    """The arrays "silhouettes" and "embedding" of an .npz: (float32 [n, t, h, w] in 0..1, float64 [n, p, c] or [n, c, p]).

    Raises:
        FileNotFoundError: no such file.
        ValueError: another kind of file, arrays that are missing or of another shape or range.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, OSError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} cannot be read as an .npz of plain arrays: {error}") from None
    missing = [name for name in ("silhouettes", "embedding") if name not in arrays]
    if missing:
        raise ValueError(f"{path} lacks {' and '.join(missing)}; it has {', '.join(arrays) or 'nothing'}")
    silhouettes, embedding = arrays["silhouettes"], arrays["embedding"]
    if (
        silhouettes.ndim != 4
        or embedding.ndim not in (2, 3)
        or len(silhouettes) != len(embedding)
        or not silhouettes.size
    ):
        raise ValueError(
            f"{path}: silhouettes are [walks, frames, height, width] and embedding [walks, parts, channels]; got "
            f"{list(silhouettes.shape)} and {list(embedding.shape)}"
        )
    if silhouettes.dtype == np.uint8:
        silhouettes = silhouettes / np.float32(255)
    elif not np.issubdtype(silhouettes.dtype, np.floating) or not (0 <= silhouettes.min() and silhouettes.max() <= 1):
        raise ValueError(
            f"{path}: silhouettes are uint8 0..255 or float 0..1; got {silhouettes.dtype} from "
            f"{silhouettes.min()} to {silhouettes.max()}"
        )
    return silhouettes.astype("float32"), embedding.astype("float64")


def embedding_difference(model, silhouettes, embedding, channels_first=False):
    """Largest absolute difference between the model's embedding and the original's.

    Args:
        model: a model with outputs "embedding" and "part_features".
        silhouettes, embedding: as `read_vectors` gives them; the last two axes of the embedding may be exchanged.
        channels_first: which order to take where both fit, for as many parts as channels.

    Returns:
        float.

    Raises:
        ValueError: silhouettes of a size that the model does not take, or an embedding of another shape than ours.
    """
    size = tuple(model.input_shape[2:4])
    if silhouettes.shape[2:] != size:
        raise ValueError(
            f"the vectors' silhouettes are {list(silhouettes.shape[2:])} high and wide, and the model takes "
            f"{list(size)}: --set input_shape=[null,{silhouettes.shape[2]},{silhouettes.shape[3]},1]"
        )
    # One walk at a time: the originals' memory is not ours to assume.
    outputs = [model(walk[None, ..., None], training=False) for walk in silhouettes]
    ours = {name: np.concatenate([np.asarray(output[name]) for output in outputs]) for name in outputs[0]}
    ours = next(
        (ours[name] for name in ("embedding", "part_features") if ours[name].ndim == embedding.ndim), ours["embedding"]
    )
    exchanged = ours.swapaxes(1, 2) if ours.ndim == 3 else ours
    orders = [exchanged, ours] if channels_first else [ours, exchanged]
    fitting = next((order for order in orders if order.shape == embedding.shape), None)
    if fitting is None:
        raise ValueError(f"the vectors' embedding is {list(embedding.shape)}, and the model's {list(ours.shape)}")
    difference = np.abs(fitting - embedding).max()
    return float(difference)
