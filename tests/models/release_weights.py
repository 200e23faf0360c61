"""Weights of the authors' PyTorch 3DLocal, key by key, into the Keras model of the release preset."""

import numpy as np

PARTS = {"head": "head", "torso": "torso", "armL": "left_arm", "armR": "right_arm", "legL": "left_leg", "legR": "right_leg"}
# Their raw numbers are dt, dx, dy, sigma^2, delta_t, delta, gamma; ours dx, dy, dt, delta, delta_t, sigma^2, gamma.
RAW_ORDER = [1, 2, 0, 5, 4, 3, 6]


def convolution(value):
    return np.moveaxis(value, (0, 1), (-1, -2))  # out in .. -> .. in out


def frame_convolution(value):
    return convolution(value)[None]


def grouped(value):
    """Conv1d of 16 groups [16 out, in, k] -> [16, k, in, out]."""
    return value.reshape(16, -1, *value.shape[1:]).transpose(0, 3, 2, 1)


def linear_of_location(value):
    """The first linear flattens (c, t, h, w); ours (t, h, w, c)."""
    return value.reshape(7, -1, 2, 2, 2).transpose(2, 3, 4, 1, 0).reshape(-1, 7)[:, RAW_ORDER]


def reordered(value):
    return value[RAW_ORDER]


def same(value):
    return value


def pairs(model):
    """Yield (their key, our variable, how their array becomes ours) for every tensor of the checkpoint."""
    for index in range(6):
        layer = model.get_layer(f"block_{index // 2 + 1}_convolution_{index % 2 + 1}")
        yield f"backbone.layer{index + 1}.conv.weight", layer.kernel, frame_convolution
    for theirs, ours in PARTS.items():
        path = model.get_layer(f"block_3_{ours}")
        net = path.localization
        for number, layer, how in ((0, net.pool0, same), (4, net.norm1, same), (7, net.norm2, same)):
            yield from normalization(f"local.{theirs}.localization.convs.{number}", layer, how)
        yield from normalization(f"local.{theirs}.localization.fc.1", net.output_norm, reordered)
        for number, layer in ((3, net.conv1), (6, net.conv2), (10, net.conv4)):
            yield f"local.{theirs}.localization.convs.{number}.weight", layer.kernel, convolution
        yield f"local.{theirs}.localization.fc.0.weight", net.fc6.kernel, linear_of_location
        yield f"local.{theirs}.localization.fc.0.bias", net.fc6.bias, reordered
        for number, layer in enumerate(path.convolutions, start=1):
            yield f"local.{theirs}.feature_extraction.conv{number}.weight", layer.kernel, convolution
    yield "local.feature_fusion.0.weight", model.get_layer("block_3_fusion").kernel, convolution
    for number, template in enumerate(model.get_layer("micro_motion_pooling").template_weights, start=1):
        for name, (kernel, bias) in zip(("conv1", "conv2"), template):
            yield f"temporal_pool.layer{number}.{name}.weight", kernel, grouped
            yield f"temporal_pool.layer{number}.{name}.bias", bias, lambda value: value.reshape(16, -1)
    fully_connected = model.get_layer("part_features").kernel
    yield "hpm.fc.weight", fully_connected, lambda value: value.reshape(16, 256, 128).transpose(0, 2, 1)


def normalization(prefix, layer, how):
    yield f"{prefix}.weight", layer.gamma, how
    yield f"{prefix}.bias", layer.beta, how
    yield f"{prefix}.running_mean", layer.moving_mean, how
    yield f"{prefix}.running_var", layer.moving_variance, how


def load(model, state):
    """Set every variable of the model; raise where a key is left over or a shape differs."""
    used = set()
    for key, variable, how in pairs(model):
        variable.assign(how(np.asarray(state[key])))
        used.add(key)
    left = {key for key in state if not key.endswith("num_batches_tracked")} - used
    if left:
        raise KeyError(f"Keys without a place in the Keras model: {sorted(left)}")
