"""How much memory a training step needs, counted from its graph without running it.

    python benchmarks/memory.py [--model three_d_local] [--preset paper] [--batch 128] [--frames 30]
                                [--precision mixed_float16] [--accumulation-steps 0 1 2 4 8 16] [--form reference]
                                [--json FILE] [--out [DIR]]

The step (forward, losses, gradients) is written as a graph for exactly this batch, equal operations are joined as
TensorFlow joins them, and the operations are gone through in their order: a tensor is alive from the operation that makes
it to the last that reads it. Counted are bytes of all living tensors; 0 accumulation steps is the plain step, 1 is
`training.recompute`. Not counted: what a convolution takes for itself (cuDNN's workspace, copies into its own layout),
fragments of the allocator, and the device's own share (about 0.5 GB of CUDA context).

With --measure every step is also run once, on the CPU and in a process of its own, and the rise of its peak resident
memory is set beside the count (use --precision float32 --form stacked and a small batch; Linux only). At 8 clips
of 10 frames the plain step of the paper preset came to 1.25 times its count (1.46 GB), four slices to 3.8 times (0.76 GB): the
process itself takes some tenths of a GB, and the six paths of a block run side by side where the count lets one follow the
other. No GPU has been measured.
"""

import argparse
import collections
import math
import os
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from _tables import add_places, keep_text

from tf3dlocal.layers import PAPER_PARTS
from tf3dlocal.losses import BatchAllTripletLoss, ScaledCrossEntropy
from tf3dlocal.models import MODELS
from tf3dlocal.training.accumulated_gradients import accumulated_gradients

# Their result is another view of the same bytes.
VIEWS = {"Identity", "IdentityN", "Reshape", "ExpandDims", "Squeeze", "StopGradient", "PreventGradient", "EnsureShape"}
# They may write their result over an argument that nobody reads later.
IN_PLACE = {
    "Add",
    "AddV2",
    "AddN",
    "Sub",
    "Mul",
    "RealDiv",
    "Neg",
    "Square",
    "Sqrt",
    "Rsqrt",
    "Exp",
    "Tanh",
    "Sigmoid",
    "Relu",
    "LeakyRelu",
    "Maximum",
    "Minimum",
    "Abs",
    "ReluGrad",
    "LeakyReluGrad",
    "TanhGrad",
    "SigmoidGrad",
    "SquaredDifference",
    "BiasAdd",
}
# They read no more than the shape, which is known before the step runs.
SHAPE_ONLY = {"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike", "BroadcastGradientArgs"}


def tensor_bytes(tensor):
    """Bytes of a tensor of a graph; 0 for what is no array of numbers."""
    if tensor.dtype in (tf.resource, tf.variant, tf.string) or tensor.shape.rank is None:
        return 0
    return math.prod(size or 0 for size in tensor.shape) * tensor.dtype.size


class Memory:
    """The peak of a graph's living bytes, and what was alive then."""

    def __init__(self, graph):
        self.alive, self.now, self.peak, self.at_peak = {}, 0, 0, {}
        operations, self.name_of = joined(graph)
        last = {}
        for index, operation in enumerate(operations):
            for tensor in operation.inputs:
                if operation.type not in SHAPE_ONLY:
                    last[self.name_of(tensor)] = index
        for tensor in graph.outputs:
            last[self.name_of(tensor)] = len(operations)
        dying = collections.defaultdict(list)
        for name, index in last.items():
            dying[index].append(name)
        for index, operation in enumerate(operations):
            extra, lists = self.of_loop(operation)
            listed = [
                number
                for number, t in enumerate(operation.outputs)
                if t.dtype == tf.variant and self.name_of(t) in last
            ]
            reusable = [name for name in dying[index] if name in self.alive] if operation.type in IN_PLACE else []
            for number, tensor in enumerate(operation.outputs):
                name = self.name_of(tensor)
                size = lists if [number] == listed[:1] else tensor_bytes(tensor)
                if (
                    operation.type in ("Const", "Placeholder", "VarHandleOp", "ReadVariableOp")
                    or name in self.alive
                    or name not in last
                ):
                    size = 0
                same = next((other for other in reusable if self.alive[other][0] == size and size), None)
                if same:
                    self.now -= self.alive.pop(same)[0]
                if name not in self.alive:
                    self.alive[name] = (size, operation)
                    self.now += size
            if self.now + extra > self.peak:
                self.peak, self.at_peak, self.inside = self.now + extra, dict(self.alive), extra
            for name in dying[index]:
                self.now -= self.alive.pop(name, (0, None))[0]

    def of_loop(self, operation):
        """Bytes that a loop needs while it runs, and those of the lists that it leaves."""
        if operation.type not in ("While", "StatelessWhile"):
            return 0, 0
        body = operation.graph._functions[operation.get_attr("body").name].graph
        turns = next(int(tf.get_static_value(t)) for t in body_limits(operation))
        item = sum(tensor_bytes(op.inputs[2]) for op in body.get_operations() if op.type == "TensorListSetItem")
        return Memory(body).peak, turns * item


def body_limits(operation):
    """The constants that a loop's condition compares its counter with."""
    condition = operation.graph._functions[operation.get_attr("cond").name].graph
    found = [t for op in condition.get_operations() if op.type == "Less" for t in op.inputs]
    return [tensor for tensor in found if tf.get_static_value(tensor) is not None]


def joined(graph):
    """The operations of a graph with equal ones joined, and the function that names a tensor's bytes."""
    first, same, operations = {}, {}, []

    def name_of(tensor, waiting=False):
        operation = same.get(tensor.op, tensor.op)
        while operation.type in VIEWS and not (waiting and operation.control_inputs):  # what waits is no equal
            source = operation.inputs[tensor.value_index if operation.type == "IdentityN" else 0]
            tensor, operation = source, same.get(source.op, source.op)
        return operation, tensor.value_index

    for operation in graph.get_operations():
        if operation.type in VIEWS:
            continue
        key = None
        if (
            not operation._is_stateful
            and operation.outputs
            and operation.type not in ("Placeholder", "While", "StatelessWhile")
        ):
            attributes = sorted(
                (k, v.SerializeToString(deterministic=True)) for k, v in operation.node_def.attr.items()
            )
            inputs = tuple(
                (id(op), number) for op, number in (name_of(tensor, waiting=True) for tensor in operation.inputs)
            )
            waits = tuple(sorted(id(other) for other in operation.control_inputs))
            key = (operation.type, inputs, waits, tuple(attributes))
        if key is not None and key in first:
            same[operation] = first[key]
        else:
            first[key] = operation
            operations.append(operation)
    return operations, name_of


def step_function(model, batch, frames, num_slices):
    """A training step as a function with a graph, and how many operations stand before the gradient (None in slices)."""
    labels = np.repeat(np.arange(batch // 2), 2).astype("int32")
    border = []

    def loss_of(outputs):
        return BatchAllTripletLoss()(labels, outputs["part_features"]) + ScaledCrossEntropy()(
            labels % 74, outputs["logits"]
        )

    def step(silhouettes):
        if num_slices:
            return [g for g in accumulated_gradients(model, silhouettes, loss_of, num_slices)[1] if g is not None]
        with tf.GradientTape() as tape:
            loss = loss_of(model(silhouettes, training=True))
        border.append(len(tf.compat.v1.get_default_graph().get_operations()))
        return tape.gradient(loss, model.trainable_variables)

    shape = (batch, frames, *model.input_shape[2:])
    return tf.function(step, autograph=False).get_concrete_function(tf.TensorSpec(shape, tf.float32)), border[
        0
    ] if border else None


def saved(graph, border):
    """Tensors of the forward pass that the backward pass reads: {tensor's key: (bytes, operation)}."""
    operations, name_of = joined(graph)
    all_operations = graph.get_operations()
    forward = {operation for operation in all_operations[:border]}
    kept = {}
    for operation in operations:
        if operation in forward or operation.type in SHAPE_ONLY:
            continue
        for tensor in operation.inputs:
            key = name_of(tensor)
            if key[0] in forward and key[0].type not in ("Const", "Placeholder", "ReadVariableOp", "VarHandleOp"):
                kept[key] = (tensor_bytes(key[0].outputs[key[1]]), key[0])
    return kept


def largest(tensors, count):
    """The largest tensors, those of one kind and size in one line."""
    groups = collections.Counter()
    for (_, number), (size, operation) in tensors.items():
        tensor = operation.outputs[number]
        groups[operation.type, tensor.dtype.name, str(tensor.shape), size] += 1
    lines = sorted(groups.items(), key=lambda item: -item[0][3] * item[1])[:count]
    return [
        f"  {size * times / 1e9:7.2f} GB = {times:3d} x {kind} {dtype} {shape}"
        for (kind, dtype, shape, size), times in lines
    ]


def resident(kind):
    """Bytes of this process in memory: now ("VmRSS") or at the most since `clear_refs` ("VmHWM")."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(kind))


def run_once(function, arguments, model):
    """Run a step and print by how many bytes the peak of the resident memory rises."""
    walks = tf.random.uniform((arguments.batch, arguments.frames, *model.input_shape[2:]))
    with open("/proc/self/clear_refs", "w") as clear:
        clear.write("5")
    before = resident("VmRSS")
    function(walks)
    print("rise", resident("VmHWM") - before)


def measured(num_slices):
    """The rise of the peak resident memory of one step in a fresh process that gives freed memory back at once."""
    command = [sys.executable, *sys.argv, "--accumulation-steps", str(num_slices), "--run"]
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    output = subprocess.run(command, check=True, env=environment, capture_output=True, text=True).stdout
    return next(int(line.split()[1]) for line in output.splitlines() if line.startswith("rise"))


def build(arguments):
    options = {"preset": arguments.preset, "dtype": arguments.precision, "form": arguments.form, "num_classes": 74}
    if arguments.channels:
        options["channels"] = tuple(arguments.channels)
    if arguments.parts:
        options["parts"] = PAPER_PARTS[: arguments.parts]
    return MODELS[arguments.model](compact_channels=256, **options)


def count(arguments):
    """Print the counts and what they are made of; gives them as rows."""
    model = build(arguments)
    if arguments.run:
        run_once(
            step_function(model, arguments.batch, arguments.frames, *arguments.accumulation_steps)[0], arguments, model
        )
        return []
    parameters = sum(math.prod(weight.shape) for weight in model.trainable_variables)
    fixed = parameters * 4 * 4  # weights, gradients, Adam's two moments, all in float32
    print(
        f"{arguments.model} {arguments.preset}, {arguments.batch} clips of {arguments.frames} frames, {arguments.precision}, "
        f"form {arguments.form}: {parameters:,} parameters, {fixed / 1e9:.2f} GB with gradients and Adam"
    )
    rows = []
    for num_slices in arguments.accumulation_steps:
        function, border = step_function(model, arguments.batch, arguments.frames, num_slices)
        graph = function.graph
        memory = Memory(graph)
        print(
            f"accumulation_steps {num_slices or 'none (plain step)'}: peak {memory.peak / 1e9:.2f} GB, "
            f"{(memory.peak + fixed) / 1e9:.2f} GB with weights and Adam",
            flush=True,
        )
        rows.append({"accumulation_steps": num_slices, "peak_bytes": memory.peak, "fixed_bytes": fixed})
        rows[-1]["measured_bytes"] = None
        if arguments.measure:
            rise = rows[-1]["measured_bytes"] = measured(num_slices)
            print(f" measured on the CPU: {rise / 1e9:.2f} GB, {rise / memory.peak:.2f} times the count", flush=True)
        if border:
            kept = saved(graph, border)
            print(f" saved for the backward pass: {sum(size for size, _ in kept.values()) / 1e9:.2f} GB, the largest:")
            print("\n".join(largest(kept, arguments.largest)))
        else:
            print(f" alive at the peak ({memory.inside / 1e9:.2f} GB of it inside a loop over slices):")
            print("\n".join(largest(memory.at_peak, arguments.largest // 2)))
    return rows


def keep(rows, arguments):
    """Write the rows where it was asked to."""
    names = ("model", "preset", "batch", "frames", "precision", "form", "channels", "parts")
    asked = {name: getattr(arguments, name) for name in names}
    lines = ["| accumulation steps | peak GB | with weights and Adam | measured |", "|--:|--:|--:|--:|"]
    for row in rows:
        peak, measured_gb = row["peak_bytes"] / 1e9, row["measured_bytes"] and f"{row['measured_bytes'] / 1e9:.2f}"
        with_fixed = peak + row["fixed_bytes"] / 1e9
        lines.append(f"| {row['accumulation_steps']} | {peak:.2f} | {with_fixed:.2f} | {measured_gb or ''} |")
    said = ", ".join(f"{name} {value}" for name, value in asked.items() if value is not None)
    text = f"# {__doc__.splitlines()[0]}\n\n{said}\n\n" + "\n".join(lines) + "\n"
    keep_text("memory", text, {"benchmark": "memory", **asked, "rows": rows}, arguments)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="three_d_local", choices=sorted(MODELS))
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--channels", type=int, nargs="+")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--precision", default="mixed_float16", choices=("float32", "mixed_float16", "mixed_bfloat16"))
    parser.add_argument("--accumulation-steps", type=int, nargs="+", default=[0, 1, 2, 4, 8, 16])
    parser.add_argument("--form", default="reference", help="reference is what a GPU runs; stacked is this for a CPU")
    parser.add_argument("--largest", type=int, default=12, help="how many of the largest tensors to print")
    parser.add_argument("--parts", type=int, help="fewer local paths, for a quick check")
    parser.add_argument("--measure", action="store_true", help="run each step on the CPU too")
    parser.add_argument("--run", action="store_true", help=argparse.SUPPRESS)
    add_places(parser)
    keras.utils.set_random_seed(0)
    arguments = parser.parse_args()
    rows = count(arguments)
    if not arguments.run:
        keep(rows, arguments)


if __name__ == "__main__":
    main()
