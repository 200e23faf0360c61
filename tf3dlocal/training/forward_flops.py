"""What one walk costs: the floating-point operations of a model's forward pass, read off its graph."""

import math
from collections.abc import Callable, Iterator

import keras
import tensorflow as tf

# Multiplications of arrays that are not counted yet; a model that has one must not look cheap.
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


def forward_flops(model: keras.Model, num_frames: int = 30) -> int:
    """Floating-point operations of one forward pass over one walk: multiply-adds times two.

    Counted are convolutions, matrix products and Einsum, as they are computed: a padded border costs what its zeros
    cost. Not counted are pooling, activations, normalization and whatever else works number by number. The equal forms of
    a convolution (see `tf3dlocal.layers.choose_form`) have the same count.

    Args:
        model: one input [batch, frames, height, width, 1] with known height and width, such as `embedding_model` gives.
        num_frames: frames of the walk.

    Returns:
        int.

    Raises:
        ValueError: an input of another kind, or a graph with an operation whose cost is not known here.

    Example:
        >>> silhouettes = keras.Input((None, 8, 6, 1))
        >>> frames = keras.layers.TimeDistributed(keras.layers.Conv2D(4, 3, padding="same"))(silhouettes)
        >>> forward_flops(keras.Model(silhouettes, frames), num_frames=5) == 2 * (5 * 8 * 6 * 4) * (3 * 3 * 1)
        True
    """
    shape = model.input_shape
    if not isinstance(shape, tuple) or len(shape) != 5 or None in shape[2:]:
        raise ValueError(
            f"the model {model.name} takes {shape}; one input [batch, frames, height, width, 1] with known height and "
            "width is needed"
        )
    walk = tf.TensorSpec([1, num_frames, *shape[2:]], tf.float32)
    graph = tf.function(lambda x: model(x, training=False)).get_concrete_function(walk).graph
    return graph_flops(graph)


def graph_flops(graph: tf.Graph) -> int:
    """Multiply-adds times two of all operations of a graph, functions that it calls included.

    Raises:
        ValueError: an operation whose cost is not known here, or whose shapes are not known; it is named.
    """
    return sum(_operation_flops(operation, graph) for operation in graph.get_operations())


def _operation_flops(operation, graph) -> int:
    if operation.type in CALLS:
        return graph_flops(_called(operation, graph))
    if operation.type in UNKNOWN:
        raise ValueError(f"the operation {operation.name} ({operation.type}) has a cost that is not counted yet")
    count = COUNTS.get(operation.type)
    if count is None:
        return 0
    tensors = [*operation.inputs, *operation.outputs]
    if not all(tensor.shape.is_fully_defined() for tensor in tensors):
        shapes = ", ".join(str(tensor.shape) for tensor in tensors)
        raise ValueError(f"the operation {operation.name} ({operation.type}) has shapes that are not known: {shapes}")
    return 2 * count(operation)


def _called(operation, graph):
    name = operation.get_attr("f").name
    while graph is not None:
        if name in graph._functions:
            return graph._functions[name].graph
        graph = getattr(graph, "outer_graph", None)
    raise ValueError(f"the function {name} that {operation.name} calls is not in the graph")


def _convolution(operation) -> int:
    """Each output number sums over the kernel's cells and the input channels of its group."""
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
    """The product of all axes that the equation names, for two arrays; one array is only summed or turned."""
    if len(operation.inputs) == 1:
        return 0
    sizes = {}
    equation = operation.get_attr("equation").decode().replace(" ", "")
    for labels, tensor in zip(equation.split("->")[0].split(","), operation.inputs, strict=True):
        for label, size in _labelled(labels, tensor.shape):
            sizes[label] = max(size, sizes.get(label, 1))  # an axis of one is stretched
    return math.prod(sizes.values())


def _labelled(labels: str, shape) -> Iterator[tuple[object, int]]:
    """Pairs of label and size; axes under an ellipsis are labelled by their place from the end of it."""
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
