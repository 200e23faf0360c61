"""The floating-point operations of a model's forward pass, counted in its graph."""

import math
from collections.abc import Callable, Iterator

import keras
import tensorflow as tf

from tf3dlocal.training.keras_internals import called_function

# Operations that may multiply arrays and are not counted; a model that has one must not look cheap.
UNKNOWN = {
    "Conv2DBackpropInput",
    "Conv3DBackpropInput",
    "Conv3DBackpropInputV2",
    "XlaConv",
    "XlaConvV2",
    "XlaDot",
    "XlaDotV2",
    "SparseMatMul",
    "SparseTensorDenseMatMul",
    "CudnnRNN",
    "CudnnRNNV2",
    "CudnnRNNV3",
    "While",
    "StatelessWhile",
    "If",
    "StatelessIf",
    "Case",
    "XlaCallModule",
}
CALLS = {"PartitionedCall", "StatefulPartitionedCall"}


def forward_flops(model: keras.Model, *, num_frames: int = 30) -> int:
    """Count the floating-point operations of one forward pass over one walk: multiply-adds times two.

    Counted are convolutions, matrix products and Einsum as they are computed: the zeros of a padded border count too.
    Not counted are pooling, activations, normalization and other operations number by number.

    Args:
        model: Has one input [batch, frames, height, width, 1] with known height and width, as from `embedding_model`.
        num_frames: Frames of the walk.

    Raises:
        ValueError: The model has another input, or an operation whose cost is not known here.

    Example:
        >>> silhouettes = keras.Input((None, 8, 6, 1))
        >>> frames = keras.layers.TimeDistributed(keras.layers.Conv2D(4, 3, padding="same"))(silhouettes)
        >>> forward_flops(keras.Model(silhouettes, frames), num_frames=5) == 2 * (5 * 8 * 6 * 4) * (3 * 3 * 1)
        True
    """
    shape = model.input_shape
    if not isinstance(shape, tuple) or len(shape) != 5 or None in shape[2:]:
        raise ValueError(
            f"The model {model.name} has the input {shape}. It needs one input [batch, frames, height, width, 1] with "
            "known height and width."
        )
    walk = tf.TensorSpec([1, num_frames, *shape[2:]], tf.float32)
    graph = tf.function(lambda x: model(x, training=False)).get_concrete_function(walk).graph
    return graph_flops(graph)


def graph_flops(graph: tf.Graph) -> int:
    """Count multiply-adds times two of all operations of a graph, including the functions that it calls.

    Args:
        graph: Of a concrete function.

    Raises:
        ValueError: The cost or a shape of an operation is not known; it is named.
    """
    return sum(_operation_flops(operation, graph) for operation in graph.get_operations())


def _operation_flops(operation, graph) -> int:
    if operation.type in CALLS:
        return graph_flops(called_function(graph, operation.get_attr("f").name))
    if operation.type in UNKNOWN:
        raise ValueError(f"The operation {operation.name} ({operation.type}) has a cost that is not known here.")
    count = COUNTS.get(operation.type)
    if count is None:
        return 0
    tensors = [*operation.inputs, *operation.outputs]
    if not all(tensor.shape.is_fully_defined() for tensor in tensors):
        shapes = ", ".join(str(tensor.shape) for tensor in tensors)
        raise ValueError(f"The operation {operation.name} ({operation.type}) has shapes that are not known: {shapes}.")
    return 2 * count(operation)


def _convolution(operation) -> int:
    """Each output number is a sum over the kernel's cells and the input channels of its group."""
    kernel, output = operation.inputs[1].shape, operation.outputs[0].shape
    return math.prod(output) * math.prod(kernel[:-1])


def _depthwise_convolution(operation) -> int:
    height, width = operation.inputs[1].shape[:2]
    return math.prod(operation.outputs[0].shape) * height * width


def _matrix_product(operation) -> int:
    left, output = operation.inputs[0].shape, operation.outputs[0].shape
    transposed = any(name in operation.node_def.attr and operation.get_attr(name) for name in ("transpose_a", "adj_x"))
    return math.prod(output) * left[-2 if transposed else -1]


def _einsum(operation) -> int:
    """The product of the sizes of all axes in the equation, for two arrays; one array is only summed or transposed."""
    if len(operation.inputs) == 1:
        return 0
    sizes = {}
    equation = operation.get_attr("equation").decode().replace(" ", "")
    for labels, tensor in zip(equation.split("->")[0].split(","), operation.inputs, strict=True):
        for label, size in _labelled(labels, tensor.shape):
            sizes[label] = max(size, sizes.get(label, 1))  # an axis of size 1 is broadcast
    return math.prod(sizes.values())


def _labelled(labels: str, shape) -> Iterator[tuple[object, int]]:
    """Pairs of label and size; axes under an ellipsis are labelled by their position from its end."""
    before, dots, after = labels.partition("...")
    stretched = len(shape) - len(before) - len(after) if dots else 0
    names = [*before, *range(-stretched, 0), *after]
    return zip(names, shape, strict=True)


COUNTS: dict[str, Callable] = {
    "Conv2D": _convolution,
    "Conv3D": _convolution,
    "DepthwiseConv2dNative": _depthwise_convolution,
    "MatMul": _matrix_product,
    "BatchMatMul": _matrix_product,
    "BatchMatMulV2": _matrix_product,
    "BatchMatMulV3": _matrix_product,
    "Einsum": _einsum,
}
