"""GaitSet, GaitPart and GLN's compact block as short PyTorch functions of a state dict, in double precision.

They compute what the papers and the public implementations compute, for comparison where no recorded output of an
original exists; where one exists, the converted models are compared with that. Silhouettes are [walks, frames, height,
width] in 0..1.
"""

import numpy as np
import torch
import torch.nn.functional as F


def double(array):
    return torch.from_numpy(np.asarray(array, "float64"))


def frame_convolution(maps, kernel, num_strips=1, leaks=1):
    """One 2-D convolution on [n, c, h, w], each horizontal strip by itself, then LeakyReLU `leaks` times."""
    kernel = double(kernel)
    strips = [F.conv2d(strip, kernel, padding=kernel.shape[-1] // 2) for strip in maps.chunk(num_strips, dim=2)]
    maps = torch.cat(strips, dim=2)
    for _ in range(leaks):
        maps = F.leaky_relu(maps, 0.01)
    return maps


def frames_of(silhouettes):
    return double(silhouettes).flatten(0, 1)[:, None]  # (n t) 1 h w


def strongest(maps, num_walks):
    """The maximum over the frames of each walk."""
    return maps.unflatten(0, (num_walks, -1)).amax(1)


def pyramid(maps, bins):
    strips = [strip for number in bins for strip in maps.chunk(number, dim=2)]
    return torch.stack([strip.mean((2, 3)) + strip.amax((2, 3)) for strip in strips], 1)  # n p c


def gaitset(silhouettes, frame_kernels, set_kernels, matrices, bins, halves):
    """[n, 62, c]; `matrices` [62, in, out] in the order that `halves` ("frame", "set") and `bins` give."""
    walks, frames = len(silhouettes), frames_of(silhouettes)
    for kernel in frame_kernels[:2]:
        frames = frame_convolution(frames, kernel)
    frames = F.max_pool2d(frames, 2)
    whole = strongest(frames, walks)
    for kernel in set_kernels[:2]:
        whole = frame_convolution(whole, kernel)
    whole = F.max_pool2d(whole, 2)
    for kernel in frame_kernels[2:4]:
        frames = frame_convolution(frames, kernel)
    frames = F.max_pool2d(frames, 2)
    whole = whole + strongest(frames, walks)
    for kernel in set_kernels[2:]:
        whole = frame_convolution(whole, kernel)
    for kernel in frame_kernels[4:]:
        frames = frame_convolution(frames, kernel)
    ends = {"frame": strongest(frames, walks)}
    ends["set"] = whole + ends["frame"]
    parts = torch.cat([pyramid(ends[half], bins) for half in halves], 1)
    return torch.einsum("npc,pcd->npd", parts, double(matrices)).numpy()


def release_gaitset(state, silhouettes):
    halves = [state[f"{name}_hpm.fc.weight"] for name in ("gl", "x")]
    matrices = [part.T for half in halves for part in np.split(half[..., 0, 0], 31)]
    return gaitset(
        silhouettes,
        [state[f"set_layer{layer}.forward_block.conv.weight"] for layer in range(1, 7)],
        [state[f"gl_layer{layer}.conv.weight"] for layer in range(1, 5)],
        np.stack(matrices),
        (1, 2, 4, 8, 16),
        ("set", "frame"),
    )


def opengait_gaitset(state, silhouettes):
    layers = [(block, layer) for block in (1, 2, 3) for layer in (0, 2)]
    return gaitset(
        silhouettes,
        [state[f"set_block{block}.forward_block.{layer}.conv.weight"] for block, layer in layers],
        [state[f"gl_block{block}.{layer}.conv.weight"] for block, layer in layers[2:]],
        state["Head.fc_bin"],
        (16, 8, 4, 2, 1),
        ("frame", "set"),
    )


def focal_backbone(silhouettes, kernels, strips, leaks):
    """The last map [n, t, c, h, w] of two focal convolutions per block, max pooling behind the first two blocks."""
    frames = frames_of(silhouettes)
    for index, kernel in enumerate(kernels):
        frames = frame_convolution(frames, kernel, strips[index // 2], leaks)
        if index in (1, 3):
            frames = F.max_pool2d(frames, 2)
    return frames.unflatten(0, (len(silhouettes), -1))


def strips_of(maps, num_parts=16):
    parts = maps.unflatten(3, (num_parts, -1))  # n t c p y x
    return (parts.mean((-1, -2)) + parts.amax((-1, -2))).permute(0, 3, 2, 1)  # n p c t


def motion(part, window, convolve_and_gate):
    pooled = F.avg_pool1d(part, window, 1, window // 2) + F.max_pool1d(part, window, 1, window // 2)
    return pooled * torch.sigmoid(convolve_and_gate(part))


def release_gaitpart(state, silhouettes, strips):
    """[n, 16, c] of the GaitPart in the 3DLocal authors' code: two LeakyReLUs, biases and ReLU in the templates."""
    kernels = [state[f"backbone.layer{index}.conv.conv.weight"] for index in range(1, 2 * len(strips) + 1)]
    parts = strips_of(focal_backbone(silhouettes, kernels, strips, leaks=2))
    outputs = []
    for part in range(16):

        def gate(features, layer, part=part):
            for name in ("conv1", "conv2"):
                kernel, bias = (
                    double(np.split(state[f"temporal_pool.layer{layer}.{name}.{kind}"], 16)[part])
                    for kind in ("weight", "bias")
                )
                features = F.conv1d(features, kernel, bias, padding=kernel.shape[-1] // 2)
                features = F.relu(features) if name == "conv1" else features
            return features

        total = sum(
            motion(parts[:, part], window, lambda x, layer=layer, gate=gate: gate(x, layer))
            for layer, window in ((1, 3), (2, 5))
        )
        outputs.append(total.amax(-1) @ double(np.split(state["hpm.fc.weight"], 16)[part][..., 0, 0]).T)
    return torch.stack(outputs, 1).numpy()


def opengait_gaitpart(state, silhouettes, strips):
    """[n, 16, c] of OpenGait's GaitPart: LeakyReLU once, no bias anywhere."""
    layers = [0, 2, 5, 7, 10, 12, 14, 16][: 2 * len(strips)]
    kernels = [state[f"Backbone.forward_block.feature.{layer}.conv.weight"] for layer in layers]
    parts = strips_of(focal_backbone(silhouettes, kernels, strips, leaks=1))
    outputs = []
    for part in range(16):
        total = 0
        for name, window in (("conv1d3x1", 3), ("conv1d3x3", 5)):
            first, second = (double(state[f"TFA.pooling_func.{name}.{part}.{layer}.conv.weight"]) for layer in (0, 2))

            def gate(features, first=first, second=second):
                features = F.leaky_relu(F.conv1d(features, first, padding=1), 0.01)
                return F.conv1d(features, second, padding=second.shape[-1] // 2)

            total = total + motion(parts[:, part], window, gate)
        outputs.append(total.amax(-1) @ double(state["Head.fc_bin"][part]))
    return torch.stack(outputs, 1).numpy()


def opengait_compact_block(state, part_features):
    """(compact feature [n, c], logits [n, classes]) of part features [n, channels, parts], flattened in that order."""

    def normalized(values, name):
        weight, bias, mean, variance = (
            double(state[f"{name}.{kind}"]) for kind in ("weight", "bias", "running_mean", "running_var")
        )
        return (values - mean) / torch.sqrt(variance + 1e-5) * weight + bias

    flat = F.relu(normalized(double(part_features).flatten(1), "encoder_bn"))
    compact = normalized(flat @ double(state["reduce_fc.weight"]).T, "reduce_bn")
    return compact.numpy(), (compact @ double(state["reduce_cls.weight"]).T).numpy()
