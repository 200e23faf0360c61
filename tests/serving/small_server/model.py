"""The SavedModel that the server serves."""

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from small_server.batching import Batcher
from small_server.status import StatusError

CODES = {
    tf.errors.InvalidArgumentError: "INVALID_ARGUMENT",
    tf.errors.FailedPreconditionError: "FAILED_PRECONDITION",
    tf.errors.ResourceExhaustedError: "RESOURCE_EXHAUSTED",
}


class LoadedVersion:
    """One version: its signatures as protocol messages, and as functions that compute in batches.

    Args:
        folder: Folder with saved_model.pb.
        batching: Arguments of `Batcher`; None computes every request by itself.
    """

    def __init__(self, folder, batching):
        content = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
        definitions = content.meta_graphs[0].signature_def
        self.definitions = {name: each for name, each in definitions.items() if not name.startswith("__")}
        self._loaded = tf.saved_model.load(str(folder))
        self.run = {name: self._function(name) for name in self.definitions}
        self.batchers = {}
        if batching is not None:
            self.batchers = {name: Batcher(run, **batching) for name, run in self.run.items()}

    def _function(self, name):
        function = self._loaded.signatures[name]

        def run(inputs):
            try:
                outputs = function(**{key: tf.constant(array) for key, array in inputs.items()})
            except tf.errors.OpError as error:
                raise StatusError(CODES.get(type(error), "INTERNAL"), error.message) from None
            return {key: tensor.numpy() for key, tensor in outputs.items()}

        return run

    def predict(self, signature, inputs):
        """Compute {output: array} of {input: array}."""
        definition = self.definition(signature)
        if set(inputs) != set(definition.inputs):
            raise StatusError(
                "INVALID_ARGUMENT",
                f"input size does not match signature: {len(inputs)}!={len(definition.inputs)} len({set(inputs)}) != "
                f"len({set(definition.inputs)}). Sent extra: {{{','.join(set(inputs) - set(definition.inputs))}}}. "
                f"Missing but required: {{{','.join(set(definition.inputs) - set(inputs))}}}.",
            )
        for name, array in inputs.items():
            _check(name, array, definition.inputs[name])
        name = signature or "serving_default"
        if len({len(array) for array in inputs.values()}) > 1:
            raise StatusError("INVALID_ARGUMENT", "Batching session Run() input tensors must have equal 0th-dimension")
        return self.batchers.get(name, self.run[name])(inputs)

    def definition(self, signature):
        name = signature or "serving_default"
        if name not in self.definitions:
            raise StatusError("FAILED_PRECONDITION", f'Serving signature key "{name}" not found.')
        return self.definitions[name]

    def close(self):
        for batcher in self.batchers.values():
            batcher.close()


def _check(name, array, facts):
    expected = tf.dtypes.as_dtype(facts.dtype)
    found = tf.string if array.dtype == object else tf.dtypes.as_dtype(array.dtype)
    if found != expected:
        message = f"Expects arg[0] to be {expected.name} but {found.name} is provided"
        raise StatusError("INVALID_ARGUMENT", message)
    sizes = [dim.size for dim in facts.tensor_shape.dim]
    if len(sizes) != array.ndim or any(size not in (-1, given) for size, given in zip(sizes, array.shape)):
        given = ",".join(map(str, array.shape))
        message = f"input {name} has the shape [{given}], and the signature has [{','.join(map(str, sizes))}]"
        raise StatusError("INVALID_ARGUMENT", message)


def as_array(value, facts):
    """Return a value of JSON as an array of the signature's type, as json_tensor.cc does."""
    dtype = tf.dtypes.as_dtype(facts.dtype)
    try:
        if dtype == tf.string:
            return _bytes_array(value, len(facts.tensor_shape.dim))
        array = np.asarray(value)
        if dtype.is_integer and array.dtype.kind not in "iu":
            raise ValueError("it holds numbers that are no integers")
        if dtype.is_integer and array.size and not dtype.min <= array.min() <= array.max() <= dtype.max:
            raise ValueError("a number is out of the type's range")
        return array.astype(dtype.as_numpy_dtype)
    except (TypeError, ValueError) as error:
        raise StatusError("INVALID_ARGUMENT", f"JSON Value: cannot be converted to {dtype.name}: {error}") from None


def _bytes_array(value, num_axes):
    import base64

    def decoded(item):
        return base64.b64decode(item["b64"], validate=True) if isinstance(item, dict) else item.encode()

    nested = np.empty((len(value), len(value[0])) if num_axes == 2 else len(value), object)
    for row, items in enumerate(value):
        if num_axes == 2:
            if len(items) != nested.shape[1]:
                raise ValueError("rows of unequal length")
            nested[row] = [decoded(item) for item in items]
        else:
            nested[row] = decoded(items)
    return nested
