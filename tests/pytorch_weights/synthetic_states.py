"""State dicts with the originals' keys and shapes and with random numbers, of any width, and files of them."""

import numpy as np


def filled(shapes, seed=0):
    """{key: float32 array}; kernels scaled by their inputs, normalizations near the identity."""
    rng, state = np.random.default_rng(seed), {}
    for key, shape in shapes.items():
        values = rng.normal(size=shape)
        if key.endswith("running_var") or (len(shape) == 1 and key.endswith("bn.weight")):
            values = 0.5 + np.abs(values)
        elif key.endswith("fc_bin"):
            values /= shape[1] ** 0.5
        elif len(shape) > 1:
            values *= (2 / np.prod(shape[1:])) ** 0.5
        state[key] = values.astype("float32")
    return state


def two_convolutions(shapes, first, second, inputs, outputs, kernel=3):
    shapes[first] = (outputs, inputs, kernel, kernel)
    shapes[second] = (outputs, outputs, 3, 3)


def release_gaitset(channels, outputs=12):
    a, b, c = channels
    shapes = {}
    for block, (inputs, filters) in enumerate(((1, a), (a, b), (b, c))):
        keys = [f"set_layer{2 * block + number}.forward_block.conv.weight" for number in (1, 2)]
        two_convolutions(shapes, *keys, inputs, filters, 3 if block else 5)
    two_convolutions(shapes, "gl_layer1.conv.weight", "gl_layer2.conv.weight", a, b)
    two_convolutions(shapes, "gl_layer3.conv.weight", "gl_layer4.conv.weight", b, c)
    shapes["gl_hpm.fc.weight"] = shapes["x_hpm.fc.weight"] = (31 * outputs, c, 1, 1)
    return filled(shapes)


def opengait_gaitset(channels, outputs=12):
    shapes = {}
    for block, (inputs, filters) in enumerate(zip((1, *channels), channels), start=1):
        keys = [f"set_block{block}.forward_block.{layer}.conv.weight" for layer in (0, 2)]
        two_convolutions(shapes, *keys, inputs, filters, 3 if block > 1 else 5)
        if block > 1:
            two_convolutions(
                shapes, f"gl_block{block}.0.conv.weight", f"gl_block{block}.2.conv.weight", inputs, filters
            )
    shapes["Head.fc_bin"] = (62, channels[-1], outputs)
    return filled(shapes)


def release_gaitpart(channels, outputs=12):
    shapes = {}
    for block, (inputs, filters) in enumerate(zip((1, *channels), channels)):
        keys = [f"backbone.layer{2 * block + number}.conv.conv.weight" for number in (1, 2)]
        two_convolutions(shapes, *keys, inputs, filters, 3 if block else 5)
    last, hidden = channels[-1], channels[-1] // 4
    for layer, second in ((1, 1), (2, 3)):
        shapes[f"temporal_pool.layer{layer}.conv1.weight"] = (16 * hidden, last, 3)
        shapes[f"temporal_pool.layer{layer}.conv1.bias"] = (16 * hidden,)
        shapes[f"temporal_pool.layer{layer}.conv2.weight"] = (16 * last, hidden, second)
        shapes[f"temporal_pool.layer{layer}.conv2.bias"] = (16 * last,)
    shapes["hpm.fc.weight"] = (16 * outputs, last, 1, 1)
    return filled(shapes)


def opengait_gaitpart(channels):
    shapes, layers = {}, iter((0, 2, 5, 7, 10, 12, 14, 16))
    for block, (inputs, filters) in enumerate(zip((1, *channels), channels)):
        keys = [f"Backbone.forward_block.feature.{next(layers)}.conv.weight" for _ in range(2)]
        two_convolutions(shapes, *keys, inputs, filters, 3 if block else 5)
    last, hidden = channels[-1], channels[-1] // 4
    for name, second in (("conv1d3x1", 1), ("conv1d3x3", 3)):
        for part in range(16):
            shapes[f"TFA.pooling_func.{name}.{part}.0.conv.weight"] = (hidden, last, 3)
            shapes[f"TFA.pooling_func.{name}.{part}.2.conv.weight"] = (last, hidden, second)
    shapes["Head.fc_bin"] = (16, last, last)
    return filled(shapes)


def opengait_gln(channels, lateral=6, outputs=5, compact=None, classes=None):
    shapes = {}
    for stage, (inputs, filters) in enumerate(zip((1, *channels), channels)):
        keys = [f"sil_stage_{stage}.forward_block.{layer}.conv.weight" for layer in (0, 2)]
        two_convolutions(shapes, *keys, inputs, filters, 3 if stage else 5)
        if stage:
            two_convolutions(
                shapes, f"set_stage_{stage}.0.conv.weight", f"set_stage_{stage}.2.conv.weight", inputs, filters
            )
        shapes[f"lateral_layer{stage + 1}.weight"] = (lateral, 2 * filters, 1, 1)
        shapes[f"smooth_layer{stage + 1}.weight"] = (lateral, lateral, 3, 3)
    shapes["Head.fc_bin"] = (93, lateral, outputs)
    if compact:
        for name, size in (("encoder_bn", 93 * outputs), ("reduce_bn", compact)):
            shapes |= {f"{name}.{kind}": (size,) for kind in ("weight", "bias", "running_mean", "running_var")}
        shapes |= {"reduce_fc.weight": (compact, 93 * outputs), "reduce_cls.weight": (classes, compact)}
    return filled(shapes)


def as_tensors(state):
    import torch

    tensors = {key: torch.from_numpy(np.array(value)) for key, value in state.items()}
    counters = {
        key.removesuffix("running_mean") + "num_batches_tracked" for key in state if key.endswith(".running_mean")
    }
    return tensors | {key: torch.tensor(40000) for key in counters}


def save(path, state, **others):
    """Write a PyTorch file in the layout of both projects: the state dict is "model", next to other entries."""
    import torch

    torch.save({"model": as_tensors(state), "iteration": 40000, **others}, path)
    return path
