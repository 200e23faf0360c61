"""Count the memory that a training step needs, from its graph, without running it.

    python benchmarks/memory.py [--model three_d_local] [--preset paper] [--batch 128] [--frames 30] [--size 64]
                                [--precision mixed_float16] [--accumulation-steps 0 1 2 4 8 16]
                                [--json FILE] [--out [DIR]]

The step (forward, losses, gradients) is traced as a graph for exactly this batch. The operations are visited in their
order: a tensor is alive from the operation that makes it to the last one that reads it. The count is the peak of the
bytes of all living tensors. 0 accumulation steps is the plain step, 1 is `training.recompute`. Not counted are the
workspace of a convolution (cuDNN's, and copies into its own layout), fragments of the allocator, and the device's own
share (about 0.5 GB of CUDA context).

With --measure every step is also run once, on the CPU and in its own process, and the rise of its peak resident
memory is compared with the count (Linux only; use --precision float32 and a small batch). The process itself takes
some tenths of a GB, and the six paths of a block run at the same time, where the count lets one follow the other.
docs/speed.md has what was measured.
"""

import argparse
import math
import os
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from _graph_memory import GraphMemory, largest, saved
from measuring.scripts import add_outputs, keep_text

from tf3dlocal.data import silhouette_width
from tf3dlocal.layers import PAPER_PARTS
from tf3dlocal.losses import BatchAllTripletLoss, ScaledCrossEntropy
from tf3dlocal.models import MODELS
from tf3dlocal.training.accumulation.gradients import accumulated_gradients  # the graph of slices is what is counted

NUM_CLASSES = 74


def step_function(model, *, batch, frames, num_slices):
    """Trace a training step.

    Args:
        model: keras.Model with the outputs "part_features" and "logits".
        batch: clips of the batch, two of each subject.
        frames: frames of a clip.
        num_slices: slices that the batch is computed in; 0 for the plain step.

    Returns:
        (function with a graph, number of operations before the gradient, or None in slices).
    """
    labels = np.repeat(np.arange(batch // 2), 2).astype("int32")
    border = []

    def loss_of(outputs):
        cross_entropy = ScaledCrossEntropy()(labels % NUM_CLASSES, outputs["logits"])
        return BatchAllTripletLoss()(labels, outputs["part_features"]) + cross_entropy

    def step(silhouettes):
        if num_slices:
            _, gradients = accumulated_gradients(model, inputs=silhouettes, loss_of=loss_of, num_slices=num_slices)
            return [gradient for gradient in gradients if gradient is not None]
        with tf.GradientTape() as tape:
            loss = loss_of(model(silhouettes, training=True))
        border.append(len(tf.compat.v1.get_default_graph().get_operations()))
        return tape.gradient(loss, model.trainable_variables)

    spec = tf.TensorSpec((batch, frames, *model.input_shape[2:]), tf.float32)
    function = tf.function(step, autograph=False).get_concrete_function(spec)
    return function, border[0] if border else None


def resident(kind):
    """Return the bytes of this process in memory: now ("VmRSS") or at the most since `clear_refs` ("VmHWM")."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(kind))


def run_once(function, *, options, model):
    """Run a step and print by how many bytes the peak of the resident memory rises."""
    walks = tf.random.uniform((options.batch, options.frames, *model.input_shape[2:]))
    with open("/proc/self/clear_refs", "w") as clear:
        clear.write("5")
    before = resident("VmRSS")
    function(walks)
    print("rise", resident("VmHWM") - before)


def measured(num_slices):
    """Return the rise of the peak resident memory of a step in a fresh process that returns freed memory at once."""
    command = [sys.executable, *sys.argv, "--accumulation-steps", str(num_slices), "--run"]
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    output = subprocess.run(command, check=True, env=environment, capture_output=True, text=True).stdout
    return next(int(line.split()[1]) for line in output.splitlines() if line.startswith("rise"))


def build(options):
    arguments = {"preset": options.preset, "dtype": options.precision, "num_classes": NUM_CLASSES}
    arguments["input_shape"] = (None, options.size, silhouette_width(options.size), 1)
    if options.channels:
        arguments["channels"] = tuple(options.channels)
    if options.parts:
        arguments["parts"] = PAPER_PARTS[: options.parts]
    return MODELS[options.model](compact_channels=256, **arguments)


def count(options):
    """Print the counts and what they are made of; returns them as rows."""
    model = build(options)
    step = {"batch": options.batch, "frames": options.frames}
    if options.run:
        function, _ = step_function(model, **step, num_slices=options.accumulation_steps[0])
        run_once(function, options=options, model=model)
        return []
    parameters = sum(math.prod(weight.shape) for weight in model.trainable_variables)
    fixed = parameters * 4 * 4  # weights, gradients, Adam's two moments, all in float32
    print(
        f"{options.model} {options.preset}, {options.batch} clips of {options.frames} frames, {options.precision}: "
        f"{parameters:,} parameters, {fixed / 1e9:.2f} GB with gradients and Adam"
    )
    rows = []
    for num_slices in options.accumulation_steps:
        function, border = step_function(model, **step, num_slices=num_slices)
        memory = GraphMemory(function.graph)
        print(
            f"accumulation_steps {num_slices or 'none (plain step)'}: peak {memory.peak / 1e9:.2f} GB, "
            f"{(memory.peak + fixed) / 1e9:.2f} GB with weights and Adam",
            flush=True,
        )
        rows.append({"accumulation_steps": num_slices, "peak_bytes": memory.peak, "fixed_bytes": fixed})
        rows[-1]["measured_bytes"] = None
        if options.measure:
            rise = rows[-1]["measured_bytes"] = measured(num_slices)
            print(f" measured on the CPU: {rise / 1e9:.2f} GB, {rise / memory.peak:.2f} times the count", flush=True)
        if border:
            kept = saved(function.graph, border)
            print(f" saved for the backward pass: {sum(size for size, _ in kept.values()) / 1e9:.2f} GB, the largest:")
            print("\n".join(largest(kept, options.largest)))
        else:
            print(f" alive at the peak ({memory.inside / 1e9:.2f} GB of it inside a loop over slices):")
            print("\n".join(largest(memory.at_peak, options.largest // 2)))
    return rows


def keep(rows, options):
    """Write the rows to the places that the options name."""
    names = ("model", "preset", "batch", "frames", "size", "precision", "channels", "parts")
    given = {name: getattr(options, name) for name in names}
    lines = ["| accumulation steps | peak GB | with weights and Adam | measured |", "|--:|--:|--:|--:|"]
    for row in rows:
        peak, measured_gb = row["peak_bytes"] / 1e9, row["measured_bytes"] and f"{row['measured_bytes'] / 1e9:.2f}"
        with_fixed = peak + row["fixed_bytes"] / 1e9
        lines.append(f"| {row['accumulation_steps']} | {peak:.2f} | {with_fixed:.2f} | {measured_gb or ''} |")
    conditions = ", ".join(f"{name} {value}" for name, value in given.items() if value is not None)
    text = f"# {__doc__.splitlines()[0]}\n\n{conditions}\n\n" + "\n".join(lines) + "\n"
    keep_text("memory", text=text, content={"benchmark": "memory", **given, "rows": rows}, options=options)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="three_d_local", choices=sorted(MODELS))
    parser.add_argument("--preset", default="paper")
    parser.add_argument("--channels", type=int, nargs="+")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--size", type=int, default=64, help="height of the silhouettes")
    parser.add_argument("--precision", default="mixed_float16", choices=("float32", "mixed_float16", "mixed_bfloat16"))
    parser.add_argument("--accumulation-steps", type=int, nargs="+", default=[0, 1, 2, 4, 8, 16])
    parser.add_argument("--largest", type=int, default=12, help="how many of the largest tensors to print")
    parser.add_argument("--parts", type=int, help="fewer local paths, for a quick check")
    parser.add_argument("--measure", action="store_true", help="run each step on the CPU too")
    parser.add_argument("--run", action="store_true", help=argparse.SUPPRESS)
    add_outputs(parser)
    keras.utils.set_random_seed(0)
    options = parser.parse_args()
    rows = count(options)
    if not options.run:
        keep(rows, options)


if __name__ == "__main__":
    main()
