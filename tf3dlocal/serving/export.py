"""A trained model as a SavedModel that plain TensorFlow and TF Serving can load.

The exported graph holds what a caller would otherwise have to know by heart: the division by 255, the inference mode of
batch normalisation and dropout, and which of the model's outputs is the test feature. It is built from the variables
alone, without Keras objects, so that the process that loads it needs neither this package nor Keras.
"""

import contextlib
import datetime
import hashlib
import json
import os
import pathlib
import secrets
import shutil

import keras
import tensorflow as tf

import tf3dlocal

CARD_NAME = "model_card.json"
OUTPUT = "embedding"

DISTANCE_NOTES = {
    "part_mean": "Euclidean distance per part, then the mean over the parts (OpenGait's rule)",
    "flattened": "Euclidean distance between the parts laid end to end (GaitSet's rule)",
}


def export(model, folder, version=1, *, config=None, scores=None, distance="part_mean", made_by=None):
    """Writes `model` to `folder/<version>/` as a SavedModel with a model card beside its graph.

    The folder is what TF Serving wants as `--model_base_path`. The version appears there whole or not at all: everything
    is written under a temporary name first. A version is never overwritten, since a server may be reading it.

    Signatures (`batch` and `frames` are unknown, so any number of walks of any common length will do; height and width
    are the model's own, and a silhouette of another size is refused rather than cut):

    | name              | input "silhouettes"                                    | output "embedding"           |
    |-------------------|--------------------------------------------------------|------------------------------|
    | `serving_default` | uint8 [batch, frames, height, width], 0..255           | float32, the model's own     |
    | `float`           | float32 [batch, frames, height, width], 0..1           | float32, the model's own     |

    Args:
      model: `keras.Model` from float32 [batch, frames, height, width, 1] in 0..1 to a tensor, or to a dict that has
        "embedding". Trained weights are copied to disk; the model itself stays as it was.
      folder: where the versions of this one model live; made if absent.
      version: positive whole number, as TF Serving counts.
      config: JSON-able description of how the model was built and trained (the experiment), kept in the card.
      scores: JSON-able results seen with it, kept in the card.
      distance: "part_mean" or "flattened", the rule to compare embeddings by, kept in the card.
      made_by: the command that makes this export again, kept in the card.

    Returns:
      `pathlib.Path` of `folder/<version>`.

    Raises:
      FileExistsError: the version is there already.
      ValueError: the model has another kind of input or no "embedding", or an argument is out of its range.

    Example:
      >>> import keras, tempfile, tensorflow as tf
      >>> silhouettes = keras.Input((None, 8, 6, 1))
      >>> embedding = keras.layers.GlobalAveragePooling3D()(silhouettes)
      >>> model = keras.Model(silhouettes, {"embedding": embedding})
      >>> path = export(model, tempfile.mkdtemp())
      >>> tf.saved_model.load(path).signatures["serving_default"](tf.zeros((2, 5, 8, 6), tf.uint8))["embedding"].shape
      TensorShape([2, 1])
    """
    folder = pathlib.Path(folder)
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise ValueError(f"version must be a whole number from 1 on, as TF Serving counts; got {version!r}")
    if distance not in DISTANCE_NOTES:
        raise ValueError(f"distance must be one of {sorted(DISTANCE_NOTES)}; got {distance!r}")
    height, width = _silhouette_size(model)
    target = folder / str(version)
    if target.exists():
        raise FileExistsError(
            f"{target} exists and a served version is never overwritten: choose version {_next(folder)}"
        )
    module = _Embedder(model, height, width)
    embedding_shape = list(module.from_float.structured_outputs[OUTPUT].shape)
    folder.mkdir(parents=True, exist_ok=True)
    with _appearing_whole(target) as unfinished:
        signatures = {"serving_default": module.from_uint8, "float": module.from_float}
        with _quiet():
            tf.saved_model.save(module, str(unfinished), signatures=signatures)
        card = {
            "format": "tf3dlocal-saved-model",
            "name": model.name,
            "version": version,
            "made": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "made_by": made_by or f"tf3dlocal.serving.export(model, {str(folder)!r}, version={version})",
            "made_with": {
                "tf3dlocal": tf3dlocal.__version__,
                "tensorflow": tf.__version__,
                "keras": keras.__version__,
            },
            "num_parameters": int(model.count_params()),
            "silhouettes": {
                "axes": ["batch", "frames", "height", "width"],
                "shape": [None, None, height, width],
                "meaning": "one person, background 0, body 255 (uint8) or 1 (float32); aligned: see `tf3dlocal prepare`",
            },
            "signatures": {"serving_default": "uint8, 0..255", "float": "float32, 0..1"},
            OUTPUT: {
                "axes": ["batch", "channels"] if len(embedding_shape) == 2 else ["batch", "parts", "channels"],
                "shape": embedding_shape,
                "distance": distance,
                "distance_meaning": DISTANCE_NOTES[distance],
            },
            "config": config,
            "scores": scores,
            "sha256": _checksums(unfinished),
        }
        text = json.dumps(card, indent=2, ensure_ascii=False)
        (unfinished / CARD_NAME).write_text(text + "\n", encoding="utf-8")
    return target


class _Embedder(tf.Module):
    """The two traced functions and the variables that they read; nothing of Keras is reachable from it."""

    def __init__(self, model, height, width):
        super().__init__()
        # Keras wraps each tf.Variable in an object of its own, which tf.Module does not look into.
        self.weights = [weight.value for weight in model.weights]

        def embed(silhouettes):
            outputs = model(silhouettes[..., tf.newaxis], training=False)  # [batch, frames, height, width, 1]
            return {OUTPUT: tf.cast(_embedding(outputs), tf.float32)}

        def spec(dtype):
            return tf.TensorSpec([None, None, height, width], dtype, name="silhouettes")

        self.from_float = tf.function(embed).get_concrete_function(spec(tf.float32))
        scaled = tf.function(lambda silhouettes: embed(tf.cast(silhouettes, tf.float32) / 255.0))
        self.from_uint8 = scaled.get_concrete_function(spec(tf.uint8))


def _embedding(outputs):
    return outputs[OUTPUT] if isinstance(outputs, dict) else outputs


def _silhouette_size(model):
    shapes = model.input_shape
    if isinstance(shapes, dict) and len(shapes) == 1:
        (shapes,) = shapes.values()
    one_clip = isinstance(shapes, tuple) and len(shapes) == 5 and None not in shapes[2:] and shapes[-1] == 1
    if not one_clip:
        raise ValueError(
            f"model '{model.name}' takes {shapes}; an export needs one input [batch, frames, height, width, 1] "
            "of known height and width"
        )
    if shapes[1] is not None:
        raise ValueError(
            f"model '{model.name}' takes exactly {shapes[1]} frames; build it with input_shape=(None, "
            f"{shapes[2]}, {shapes[3]}, 1) so that walks of any length can be served (the weights fit)"
        )
    outputs = model.output
    if isinstance(outputs, dict) and OUTPUT not in outputs:
        raise ValueError(f"model '{model.name}' has the outputs {sorted(outputs)} and none called '{OUTPUT}'")
    if isinstance(outputs, (list, tuple)) and len(outputs) != 1:
        raise ValueError(f"model '{model.name}' has {len(outputs)} unnamed outputs; give a dict that names '{OUTPUT}'")
    return shapes[2], shapes[3]


@contextlib.contextmanager
def _appearing_whole(target):
    # TF Serving looks only at folders whose name is a number, so it never sees the unfinished one.
    unfinished = target.parent / f".{target.name}.{secrets.token_hex(4)}.unfinished"
    try:
        unfinished.mkdir()
        yield unfinished
        os.replace(unfinished, target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


@contextlib.contextmanager
def _quiet():
    """Keeps TensorFlow from announcing where it writes: that is the temporary name."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("WARNING")
    try:
        yield
    finally:
        logger.setLevel(level)


def _checksums(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _next(folder):
    numbers = [int(path.name) for path in folder.iterdir() if path.name.isdigit()]
    return max(numbers, default=0) + 1
