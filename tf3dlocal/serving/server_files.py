"""The files of a version that only TF Serving reads: requests that warm it up, and its rule for batches.

`assets.extra/tf_serving_warmup_requests` holds one request of each signature. The server runs them while it loads the
version, because TensorFlow optimizes a function when it is called first, which takes seconds. The messages are written
field by field (`tensorflow_serving/apis/prediction_log.proto`), so that an export needs no package of TF Serving.
"""

import pathlib
from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf
from tensorflow.core.framework.tensor_pb2 import TensorProto

WARM_UP = "assets.extra/tf_serving_warmup_requests"
BATCHING = "batching_params.pbtxt"
NUM_FRAMES = 30  # of a walk that warms the server up
# Fields of PredictionLog, PredictLog, PredictRequest, ModelSpec and of a map's entry.
PREDICT_LOG, REQUEST, MODEL_SPEC, INPUTS, MODEL_NAME, SIGNATURE_NAME, KEY, VALUE = 6, 1, 1, 2, 1, 3, 1, 2

BATCHING_PARAMETERS = """\
# Read with --enable_batching --enable_per_model_batching_parameters. Requests of one signature share a batch.
# Walks of different lengths share one, too: the server pads them with their first value, so send them to the signature
# `variable`, which has num_frames. `serving_default` and `float` refuse padded walks. Begin each walk for `png` with an
# empty text. Do not send `raw` here: the sizes of other clients' masks would change the answer.
max_batch_size { value: 8 }
batch_timeout_micros { value: 5000 }
max_enqueued_batches { value: 64 }
pad_variable_length_inputs: true
# allowed_batch_sizes is left out: the server would fill batches up with copies, and a copy costs as much as a walk.
"""


def write_server_files(folder: pathlib.Path, *, signatures: Iterable[str], size: tuple[int, int], name: str) -> None:
    """Write the two files into the folder of a version.

    Args:
        folder: The version.
        signatures: Names of its signatures.
        size: Height and width of its silhouettes.
        name: Name of the model.
    """
    (folder / BATCHING).write_text(BATCHING_PARAMETERS, encoding="utf-8")
    (folder / WARM_UP).parent.mkdir()
    with tf.io.TFRecordWriter(str(folder / WARM_UP)) as writer:
        for signature in signatures:
            inputs = warm_up_inputs(signature, size=size)
            writer.write(prediction_log(inputs, signature=signature, model_name=name))


def warm_up_inputs(signature: str, *, size: tuple[int, int]) -> dict[str, TensorProto]:
    """Return the inputs of a request of usual length; those of one value throughout are stored as one."""
    walk = [1, NUM_FRAMES, *size]
    mask = np.zeros((24, 18), np.uint8)
    mask[4:20, 5:13] = 255
    if signature == "raw":
        return {"masks": tf.make_tensor_proto(np.broadcast_to(mask, (1, NUM_FRAMES, *mask.shape)))}
    if signature == "png":
        content = tf.io.encode_png(mask[..., np.newaxis]).numpy()
        return {"frames_bytes": tf.make_tensor_proto([[content] * NUM_FRAMES])}
    if signature == "float":
        return {"silhouettes": tf.make_tensor_proto(0.0, tf.float32, walk)}
    if signature == "variable":
        num_frames = tf.make_tensor_proto([NUM_FRAMES, NUM_FRAMES - 10], tf.int32)
        return {"silhouettes": tf.make_tensor_proto(0, tf.uint8, [2, *walk[1:]]), "num_frames": num_frames}
    return {"silhouettes": tf.make_tensor_proto(0, tf.uint8, walk)}


def prediction_log(inputs: Mapping[str, TensorProto], *, signature: str, model_name: str) -> bytes:
    """Return the bytes of a PredictionLog with one PredictRequest."""
    spec = _field(MODEL_NAME, model_name.encode()) + _field(SIGNATURE_NAME, signature.encode())
    request = _field(MODEL_SPEC, spec)
    for name, tensor in sorted(inputs.items()):
        request += _field(INPUTS, _field(KEY, name.encode()) + _field(VALUE, tensor.SerializeToString()))
    return _field(PREDICT_LOG, _field(REQUEST, request))


def _field(number: int, content: bytes) -> bytes:
    """Return a field of variable length: its number and type, its length, its content."""
    length, digits = len(content), []
    while length >= 128:
        digits.append(length % 128 + 128)
        length //= 128
    return bytes([number * 8 + 2, *digits, length]) + content
