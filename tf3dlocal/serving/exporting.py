"""A trained model as a SavedModel that plain TensorFlow and TF Serving can load.

The exported graph contains everything that a caller would otherwise have to know: the division by 255, the inference
mode of batch normalization and dropout, and which output of the model is the embedding. It is built from the variables
alone, without Keras objects, so the process that loads it needs neither this package nor Keras. It computes in float32
whatever the training computed in: a CPU has no kernels for half precision.
"""

import contextlib
import datetime
import errno
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import tf3dlocal
from tf3dlocal.evaluation import in_precision
from tf3dlocal.io import check_writable, new_folder, user_path, write_json
from tf3dlocal.io.types import PathLike
from tf3dlocal.serving.exported_model import CARD_FORMAT, CARD_NAME, sha256_of
from tf3dlocal.serving.local_paths import without_local_paths
from tf3dlocal.serving.server_files import write_server_files
from tf3dlocal.serving.signatures import INPUTS, MOST_FRAMES, OUTPUT, Signatures

LAST_VERSION = 2**63 - 1

DISTANCE_NOTES = {
    "part_mean": "Euclidean distance per part, then the mean over the parts (OpenGait's rule)",
    "flattened": "Euclidean distance between the concatenated parts (GaitSet's rule)",
}


def export(
    model: keras.Model,
    *,
    folder: PathLike,
    version: int = 1,
    config: Any = None,
    scores: Any = None,
    distance: str = "part_mean",
    made_by: str | None = None,
) -> pathlib.Path:
    """Write a model to `folder/<version>/` as a SavedModel with a model card.

    TF Serving takes the folder as `--model_base_path`. The version appears there completely or not at all, and is never
    overwritten, because a server may be reading it.

    Every signature gives "embedding", float32 [batch, ...] as the model's, and takes any number of walks. Height and
    width are those of the model:

    | name              | inputs                                                                                 |
    |-------------------|----------------------------------------------------------------------------------------|
    | `serving_default` | "silhouettes" uint8 [batch, frames, height, width], 0..255, aligned                    |
    | `float`           | "silhouettes" float32 [batch, frames, height, width], 0..1, aligned                    |
    | `variable`        | "silhouettes" uint8 [batch, frames, height, width]; "num_frames" int32 [batch]         |
    | `raw`             | "masks" uint8 [batch, frames, any height, any width], aligned as by `tf3dlocal prepare` |
    | `png`             | "frames_bytes" string [batch, frames], a PNG file each, aligned as by `tf3dlocal prepare` |

    Walks of different lengths share a batch in `variable`: each is embedded from its first num_frames frames alone,
    whatever the others hold. `raw` and `png` leave out frames without a person. An empty text in `png` is no frame.

    The graph itself refuses another size, no frame, walks of more than 2,048 frames, numbers outside 0..1 or NaN,
    walks that were padded without num_frames, and pictures that are no masks. It computes 720 frames at once, so that
    memory does not grow with the batch.

    Args:
        model: `keras.Model` from float32 [batch, frames, height, width, 1] in 0..1 to a tensor, or to a dict with the
            key "embedding". It is not changed.
        folder: Folder for the versions of this model; made if absent.
        version: Positive integer, as TF Serving counts.
        config: How the model was built and trained, as JSON values; stored in the card.
        scores: Its results, as JSON values; stored in the card.
        distance: How to compare embeddings, "part_mean" or "flattened"; stored in the card.
        made_by: The command that makes this export again; stored in the card. In all three, paths of this machine
            become the names of their files: a card is given away.

    Returns:
        `pathlib.Path` of `folder/<version>`.

    Raises:
        FileExistsError: The version exists.
        OSError: `folder` is a file or cannot be written, or the disk is full.
        ValueError: The model has another kind of input or no "embedding", it has weights or gives an embedding that
            are not finite, an argument is out of its range, or Keras uses another backend than TensorFlow.

    Example:
        >>> import keras, tempfile, tensorflow as tf
        >>> silhouettes = keras.Input((None, 8, 6, 1))
        >>> embedding = keras.layers.GlobalAveragePooling3D()(silhouettes)
        >>> model = keras.Model(silhouettes, {"embedding": embedding})
        >>> path = export(model, folder=tempfile.mkdtemp())
        >>> tf.saved_model.load(path).signatures["serving_default"](tf.zeros((2, 5, 8, 6), tf.uint8))["embedding"].shape
        TensorShape([2, 1])
    """
    folder = user_path(folder)
    if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version <= LAST_VERSION:
        raise ValueError(f"version must be a positive integer of 64 bits, as TF Serving counts; got {version!r}.")
    if distance not in DISTANCE_NOTES:
        raise ValueError(f"distance must be one of {sorted(DISTANCE_NOTES)}; got {distance!r}.")
    if keras.config.backend() != "tensorflow":
        raise ValueError(
            f"A SavedModel is written by TensorFlow, and Keras uses the backend {keras.config.backend()!r}. Set "
            "KERAS_BACKEND=tensorflow before Keras is imported; a .keras file loads with any backend."
        )
    check_writable(folder)
    target = folder / str(version)
    if os.path.lexists(target):
        raise FileExistsError(f"{target} exists, and a version is never overwritten: choose version {_next(folder)}.")
    height, width = _silhouette_size(model)
    _refuse_weights_that_are_not_finite(model)
    module = Signatures(in_precision(model, precision="float32"), height=height, width=width)
    signatures = module.traced()
    _refuse_embedding_that_is_not_finite(signatures["serving_default"], size=module.size, name=model.name)
    with new_folder(target) as unfinished:
        with _quiet(), _full_disk_named(target):
            tf.saved_model.save(module, str(unfinished), signatures=signatures)
            write_server_files(unfinished, signatures=signatures, size=module.size, name=folder.name)
        files = sorted(path for path in unfinished.rglob("*") if path.is_file())
        told = {
            "made_by": made_by or f"tf3dlocal.serving.export(model, folder={folder.name!r}, version={version})",
            "config": config,
            "scores": scores,
        }
        card = {
            "format": CARD_FORMAT,
            "name": model.name,
            "version": version,
            "made": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            **_facts(model, module, signatures=signatures, distance=distance),
            **without_local_paths(told),
            "sha256": {path.relative_to(unfinished).as_posix(): sha256_of(path) for path in files},
        }
        write_json(unfinished / CARD_NAME, card)
    return target


def _refuse_weights_that_are_not_finite(model: keras.Model) -> None:
    wrong = [weight.path for weight in model.weights if not np.isfinite(keras.ops.convert_to_numpy(weight)).all()]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise ValueError(
            f"The model {model.name!r} has weights that are not finite (NaN or infinite): {', '.join(wrong[:3])}{more}."
            " Its training diverged: export a checkpoint from before that."
        )


def _refuse_embedding_that_is_not_finite(embed: Callable, *, size: tuple[int, int], name: str) -> None:
    """Embed one walk of random silhouettes: finite weights can still overflow, or divide by zero."""
    walk = np.random.default_rng(0).integers(0, 256, (1, 8, *size), dtype=np.uint8)
    if not np.isfinite(embed(silhouettes=tf.constant(walk))[OUTPUT].numpy()).all():
        raise ValueError(
            f"The model {name!r} gives an embedding with numbers that are not finite (NaN or infinite). Its "
            "training has probably diverged: export a checkpoint from before that."
        )


def _facts(model: keras.Model, module: Signatures, *, signatures: Iterable[str], distance: str) -> dict:
    """Return the entries of the card that follow from the model."""
    shape = list(module.embedding_shape)
    versions = {"tf3dlocal": tf3dlocal.__version__, "tensorflow": tf.__version__, "keras": keras.__version__}
    return {
        "made_with": versions,
        "num_parameters": int(model.count_params()),
        "silhouettes": {
            "axes": ["batch", "frames", "height", "width"],
            "shape": [None, None, *module.size],
            "meaning": "one person, background 0, body 255 (uint8) or 1 (float32); aligned: see `tf3dlocal prepare`",
        },
        "signatures": {name: INPUTS[name] for name in signatures},
        "most_frames": MOST_FRAMES,
        OUTPUT: {
            "axes": ["batch", "channels"] if len(shape) == 2 else ["batch", "parts", "channels"],
            "shape": shape,
            "distance": distance,
            "distance_meaning": DISTANCE_NOTES[distance],
        },
    }


def _silhouette_size(model: keras.Model) -> tuple[int, int]:
    """Return height and width of the model's input, or raise ValueError if the model cannot be exported."""
    shapes = model.input_shape
    if isinstance(shapes, dict) and len(shapes) == 1:
        (shapes,) = shapes.values()
    one_clip = isinstance(shapes, tuple) and len(shapes) == 5 and None not in shapes[2:] and shapes[-1] == 1
    if not one_clip:
        raise ValueError(
            f"The model {model.name!r} takes {shapes}; an export needs one input [batch, frames, height, width, 1] "
            "of known height and width."
        )
    if shapes[1] is not None:
        raise ValueError(
            f"The model {model.name!r} takes exactly {shapes[1]} frames. Build it with input_shape=(None, "
            f"{shapes[2]}, {shapes[3]}, 1), so that it serves walks of any length; the weights fit."
        )
    outputs = model.output
    if isinstance(outputs, dict) and OUTPUT not in outputs:
        raise ValueError(f"The model {model.name!r} has the outputs {sorted(outputs)}, and none is called {OUTPUT!r}.")
    if isinstance(outputs, (list, tuple)) and len(outputs) != 1:
        raise ValueError(f"The model {model.name!r} has {len(outputs)} unnamed outputs; return a dict with {OUTPUT!r}.")
    return shapes[2], shapes[3]


@contextlib.contextmanager
def _full_disk_named(target: pathlib.Path) -> Iterator[None]:
    """Turn what TensorFlow raises while it writes into an OSError that names the target."""
    try:
        yield
    except tf.errors.OpError as error:
        first = str(error.message).strip().splitlines()[0]
        reason = first.split(" [Op:")[0].rpartition(";")[2].strip()  # "{{node}} temporary name; reason [Op:SaveV2]"
        is_full = isinstance(error, tf.errors.ResourceExhaustedError) or "No space left" in reason
        number = errno.ENOSPC if is_full else errno.EIO
        text = "No space left on device" if is_full else f"It could not be written ({reason})"
        raise OSError(number, text, str(target)) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep TensorFlow from printing the temporary name that it writes to."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("WARNING")
    try:
        yield
    finally:
        logger.setLevel(level)


def _next(folder: pathlib.Path) -> int:
    numbers = [int(path.name) for path in folder.iterdir() if path.name.isdecimal()]
    return max(numbers, default=0) + 1
