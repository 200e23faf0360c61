"""Count the memory of a graph without running it: which tensors are alive at the same time."""

import collections
import math

import tensorflow as tf

from tf3dlocal.training.keras_internals import called_function  # the only place of TensorFlow's private names

# Their result is another view of the same bytes.
VIEWS = {"Identity", "IdentityN", "Reshape", "ExpandDims", "Squeeze", "StopGradient", "PreventGradient", "EnsureShape"}
# They may write their result over an argument that no later operation reads.
IN_PLACE = set(
    "Add AddV2 AddN Sub Mul RealDiv Neg Square Sqrt Rsqrt Exp Tanh Sigmoid Relu LeakyRelu Maximum Minimum Abs ReluGrad "
    "LeakyReluGrad TanhGrad SigmoidGrad SquaredDifference BiasAdd".split()
)
# They read only the shape, which is known before the step runs.
SHAPE_ONLY = {"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike", "BroadcastGradientArgs"}
# Their bytes exist before the step.
GIVEN = {"Const", "Placeholder", "ReadVariableOp", "VarHandleOp"}
LOOPS = {"While", "StatelessWhile"}


def tensor_bytes(tensor):
    """Return the bytes of a tensor of a graph; 0 for what is not an array of numbers."""
    if tensor.dtype in (tf.resource, tf.variant, tf.string) or tensor.shape.rank is None:
        return 0
    return math.prod(size or 0 for size in tensor.shape) * tensor.dtype.size


class GraphMemory:
    """The peak of the living bytes of a graph, and the tensors that are alive then.

    The operations are visited in the order of the graph, with equal ones joined as TensorFlow joins them. A tensor is
    alive
    from the operation that makes it to the last one that reads it.

    Args:
        graph: tf.Graph with known shapes.

    Attributes:
        peak: bytes.
        at_peak: {key of a tensor: (bytes, operation)}.
        inside: bytes of the peak that a loop needs while it runs.
    """

    def __init__(self, graph):
        self.alive, self.now, self.peak, self.at_peak, self.inside = {}, 0, 0, {}, 0
        operations, self.name_of = joined(graph)
        self.last = self._last_readers(operations, graph)
        dying = collections.defaultdict(list)
        for name, index in self.last.items():
            dying[index].append(name)
        for index, operation in enumerate(operations):
            extra, lists = self._of_loop(operation)
            self._make_outputs(operation, lists=lists, dying=dying[index])
            if self.now + extra > self.peak:
                self.peak, self.at_peak, self.inside = self.now + extra, dict(self.alive), extra
            for name in dying[index]:
                self.now -= self.alive.pop(name, (0, None))[0]

    def _last_readers(self, operations, graph):
        """Return {key of a tensor: index of the last operation that reads it}."""
        last = {}
        for index, operation in enumerate(operations):
            for tensor in operation.inputs:
                if operation.type not in SHAPE_ONLY:
                    last[self.name_of(tensor)] = index
        for tensor in graph.outputs:
            last[self.name_of(tensor)] = len(operations)
        return last

    def _make_outputs(self, operation, *, lists, dying):
        """Make the outputs of an operation alive; `lists` are the bytes of the lists that a loop leaves."""
        named = [(self.name_of(tensor), tensor) for tensor in operation.outputs]
        first_list = next((name for name, t in named if t.dtype == tf.variant and name in self.last), None)
        reusable = [name for name in dying if name in self.alive] if operation.type in IN_PLACE else []
        for name, tensor in named:
            size = lists if name == first_list else tensor_bytes(tensor)
            if operation.type in GIVEN or name in self.alive or name not in self.last:
                size = 0
            same = next((other for other in reusable if self.alive[other][0] == size and size), None)
            if same:
                self.now -= self.alive.pop(same)[0]
                reusable.remove(same)
            if name not in self.alive:
                self.alive[name] = (size, operation)
                self.now += size

    def _of_loop(self, operation):
        """Return the bytes that a loop needs while it runs, and those of the lists that it leaves."""
        if operation.type not in LOOPS:
            return 0, 0
        body = called_graph(operation, "body")
        turns = next(int(tf.get_static_value(tensor)) for tensor in _limits(operation))
        item = sum(tensor_bytes(op.inputs[2]) for op in body.get_operations() if op.type == "TensorListSetItem")
        return GraphMemory(body).peak, turns * item


def called_graph(operation, attribute):
    """Return the graph of a function that an operation calls, such as the body of a loop."""
    return called_function(operation.graph, operation.get_attr(attribute).name)


def _limits(operation):
    """Return the constants that a loop's condition compares its counter with."""
    condition = called_graph(operation, "cond")
    found = [t for op in condition.get_operations() if op.type == "Less" for t in op.inputs]
    return [tensor for tensor in found if tf.get_static_value(tensor) is not None]


def joined(graph):
    """Join equal operations of a graph.

    Returns:
        (operations, name_of): the remaining operations in order, and a function from a tensor to the key of its bytes.
    """
    first, same, operations = {}, {}, []

    def name_of(tensor, waiting=False):
        operation = same.get(tensor.op, tensor.op)
        while operation.type in VIEWS and not (waiting and operation.control_inputs):  # one that waits has no equal
            source = operation.inputs[tensor.value_index if operation.type == "IdentityN" else 0]
            tensor, operation = source, same.get(source.op, source.op)
        return operation, tensor.value_index

    for operation in graph.get_operations():
        if operation.type in VIEWS:
            continue
        key = None
        if not operation.op_def.is_stateful and operation.outputs and operation.type not in LOOPS | {"Placeholder"}:
            attributes = operation.node_def.attr.items()
            inputs = [name_of(tensor, waiting=True) for tensor in operation.inputs]
            key = (
                operation.type,
                tuple((id(op), number) for op, number in inputs),
                tuple(sorted(id(other) for other in operation.control_inputs)),
                tuple(sorted((k, v.SerializeToString(deterministic=True)) for k, v in attributes)),
            )
        if key is not None and key in first:
            same[operation] = first[key]
        else:
            first[key] = operation
            operations.append(operation)
    return operations, name_of


def saved(graph, border):
    """Find the tensors of the forward pass that the backward pass reads.

    Args:
        graph: tf.Graph of a training step.
        border: number of operations before the gradient.

    Returns:
        {key of a tensor: (bytes, operation)}.
    """
    operations, name_of = joined(graph)
    forward = set(graph.get_operations()[:border])
    kept = {}
    for operation in operations:
        if operation in forward or operation.type in SHAPE_ONLY:
            continue
        for tensor in operation.inputs:
            key = name_of(tensor)
            if key[0] in forward and key[0].type not in GIVEN:
                kept[key] = (tensor_bytes(key[0].outputs[key[1]]), key[0])
    return kept


def largest(tensors, count):
    """Return lines about the largest tensors, those of one kind and size in one line."""
    groups = collections.Counter()
    for (_, number), (size, operation) in tensors.items():
        tensor = operation.outputs[number]
        groups[operation.type, tensor.dtype.name, str(tensor.shape), size] += 1
    lines = sorted(groups.items(), key=lambda item: -item[0][3] * item[1])[:count]
    return [
        f"  {size * times / 1e9:7.2f} GB = {times:3d} x {kind} {dtype} {shape}"
        for (kind, dtype, shape, size), times in lines
    ]
