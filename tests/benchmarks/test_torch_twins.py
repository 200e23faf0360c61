"""Every PyTorch twin is the same model: with the same weights it gives the originals' or tf3dlocal's embeddings."""

import functools
import importlib
import importlib.util
import pathlib
import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)  # the tests run in one process per core

TWINS = pathlib.Path(__file__).resolve().parents[2] / "benchmarks" / "torch_twins"
TOLERANCE = 5e-5  # the originals' own float32 is up to 8.4e-6 from their float64


@pytest.fixture(autouse=True)
def twins_on_the_path(monkeypatch):
    """Let the twins import each other, as in their own process."""
    monkeypatch.syspath_prepend(TWINS)


def tensor(array):
    return torch.from_numpy(np.array(array))  # a copy that PyTorch may write to


def embedding(twin, silhouettes):
    with torch.inference_mode():
        return twin.eval()(torch.from_numpy(silhouettes))["embedding"].numpy()


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "file", "builder"),
    [
        ("official_3dlocal", "three_d_local", "ReleaseThreeDLocal"),
        ("official_gaitset", "gaitset", "GaitSet"),
        ("opengait_gaitpart", "gaitpart", "GaitPart"),
        ("opengait_gln_phase1", "gln", "GLN"),
    ],
)
def test_the_originals_weights_fit_by_name_and_give_their_embedding(name, file, builder, shared):
    parity = shared / "parity"
    spec = importlib.util.spec_from_file_location("parity_weights", parity / "weights.py")
    recipe = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recipe)
    twin = getattr(importlib.import_module(file), builder)()
    twin.load_state_dict({key: tensor(value) for key, value in recipe.state_dict(name, parity).items()})
    walks = np.load(parity / "input_u8.npy")
    expected = np.load(parity / f"{name}.npz")["out64/embedding"]
    found = embedding(twin, walks / np.float32(255))
    expected = expected if expected.shape == found.shape else expected.swapaxes(1, 2)  # OpenGait: channels before parts
    assert np.abs(found - expected).max() < TOLERANCE


def redraw(model, seed=0):
    """Draw every weight of a Keras model anew, statistics and biases included.

    The last layer of a localization network gets smaller weights: parts then leave their priors, but by raw numbers of
    order one. With numbers of order three a variance can become so small that float32 itself loses 1e-4.
    """
    random = np.random.default_rng(seed)
    for weight in model.weights:
        if weight.dtype != "float32":
            continue
        if len(weight.shape) == 1:
            value = {"gamma": 1.0, "moving_variance": 1.0}.get(weight.name, 0.0) + random.uniform(
                -0.3, 0.3, weight.shape
            )
        else:
            spread = (0.1 if "fc6" in weight.path else 1) * (2 / np.prod(weight.shape[:-1])) ** 0.5
            value = random.normal(0, spread, weight.shape)
        weight.assign(value.astype("float32"))


def kernel(array):
    """[.., in, out] to [out, in, ..]."""
    return np.moveaxis(array, (-1, -2), (0, 1))


def norm(prefix, layer):
    pairs = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
    return {f"{prefix}.{key}": np.asarray(getattr(layer, name)) for key, name in pairs.items()}


def state_of_mt3d(model):
    """Weights of tf3dlocal's MT3D under the names of the twin."""
    state = {"part_features": np.asarray(model.get_layer("part_features").kernel)}
    state["layer_1.weight"] = kernel(np.asarray(model.get_layer("layer_1").kernel))
    for number in (1, 2, 3):
        weight = np.asarray(model.get_layer(f"local_transform_{number}").kernel)  # k in out
        state[f"local_transform_{number}.weight"] = weight.transpose(2, 1, 0)[..., None, None]
    for layer in model.layers:
        if re.fullmatch(r"(small|large)_(2|3_1|3_2)", layer.name):
            for part in layer.convolutions:
                state[f"{layer.name}.{part.name}.weight"] = kernel(np.asarray(part.kernel))
    return state


def state_of_paper(model):
    """Weights of tf3dlocal's 3DLocal (preset "paper") under the names of the twin."""
    state = {}
    for block in (1, 2, 3):
        for number in (1, 2):
            weight = np.asarray(model.get_layer(f"block_{block}_convolution_{number}").kernel)[0]
            state[f"convolutions.{block - 1}.{number - 1}.conv.weight"] = kernel(weight)
        fusion = model.get_layer(f"block_{block}_fusion")
        state[f"local.{block - 1}.feature_fusion.0.weight"] = kernel(np.asarray(fusion.kernel))
        for part in ("head", "left_arm", "right_arm", "torso", "left_leg", "right_leg"):
            path, key = model.get_layer(f"block_{block}_{part}"), f"local.{block - 1}.{part}"
            state[f"{key}.feature_extraction.conv1.weight"] = kernel(np.asarray(path.convolutions[0].kernel))
            net, key = path.localization, f"{key}.localization"
            for place, layer in ((0, net.pool0), (4, net.norm1), (7, net.norm2), (11, net.norm4)):
                state |= norm(f"{key}.convs.{place}", layer)
            for place, layer in ((3, net.conv1), (6, net.conv2), (10, net.conv4)):
                state[f"{key}.convs.{place}.weight"] = kernel(np.asarray(layer.kernel))
            bins, hidden = net.time_bins, net.conv1.filters
            rows = {1: 8, 2: 4, 3: 2}[block]
            flat = np.asarray(net.fc6.kernel).reshape(bins, rows, -1, hidden, net.num_outputs)  # t h w c out
            state[f"{key}.fc.0.weight"] = flat.transpose(4, 3, 0, 1, 2).reshape(net.num_outputs, -1)
            state[f"{key}.fc.0.bias"] = np.asarray(net.fc6.bias)
    for template, pair in enumerate(model.get_layer("micro_motion_pooling").template_weights, start=1):
        for number, (weight, _) in enumerate(pair, start=1):  # parts k in out
            weight = np.asarray(weight).transpose(0, 3, 2, 1)
            state[f"temporal_pool.layer{template}.conv{number}.weight"] = weight.reshape(-1, *weight.shape[2:])
    weight = np.asarray(model.get_layer("part_features").kernel).transpose(0, 2, 1)
    state["hpm.fc.weight"] = weight.reshape(-1, weight.shape[-1])[..., None, None]
    compact = model.get_layer("compact_block")
    state |= norm("compact.0", compact.input_norm) | norm("compact.4", compact.output_norm)
    state["compact.3.weight"] = np.asarray(compact.linear.kernel).T
    state["classifier.weight"] = np.asarray(model.get_layer("logits").kernel).T
    return state


def without_counters(state):
    return {key for key in state if not key.endswith("num_batches_tracked")}


@pytest.mark.slow
@pytest.mark.parametrize("system", ["paper", "mt3d"])
def test_tf3dlocals_weights_in_the_twin_give_tf3dlocals_embedding(system):
    from measuring.moving_bodies import moving_bodies

    from tf3dlocal.models import MT3D, ThreeDLocal

    if system == "paper":
        model, twin = ThreeDLocal(num_classes=74), importlib.import_module("three_d_local").PaperThreeDLocal()
    else:
        model, twin = MT3D(), importlib.import_module("mt3d").MT3D()
    redraw(model)
    state = {"paper": state_of_paper, "mt3d": state_of_mt3d}[system](model)
    assert set(state) == without_counters(twin.state_dict())
    twin.load_state_dict({key: tensor(value) for key, value in state.items()}, strict=False)
    silhouettes, _ = moving_bodies(2, 10, seed=3)
    own = {name: np.asarray(value) for name, value in model(silhouettes, training=False).items()}
    with torch.inference_mode():
        found = twin.eval().double()(torch.from_numpy(silhouettes[..., 0]).double())
    assert np.abs(own["embedding"]).max() > 0.1  # numbers to compare, not zeros
    for name, value in own.items():
        assert np.abs(found[name].numpy() - value).max() < TOLERANCE, name


def test_the_twins_loss_equals_tf3dlocals():
    from torch_steps import batch_all_triplet_loss

    from tf3dlocal.losses import BatchAllTripletLoss

    features = np.random.default_rng(0).normal(size=(8, 5, 6)).astype("float32") * 0.2
    labels = np.array([0, 0, 1, 1, 1, 2, 2, 3])
    own = float(BatchAllTripletLoss(margin=0.2)(labels, features))
    found = batch_all_triplet_loss(torch.from_numpy(features), torch.from_numpy(labels))
    assert own > 0 and abs(found.item() - own) < 1e-6


def test_the_loss_of_equal_features_has_a_finite_gradient():
    from torch_steps import batch_all_triplet_loss

    features = torch.zeros(4, 2, 3, requires_grad=True)
    batch_all_triplet_loss(features, torch.tensor([0, 0, 1, 1])).backward()
    assert torch.isfinite(features.grad).all()


@pytest.mark.parametrize("file", ["three_d_local", "gaitset", "gaitpart", "gln", "mt3d"])
@pytest.mark.slow
def test_a_training_step_changes_every_weight_and_inference_gives_an_embedding(file, monkeypatch):
    module = importlib.import_module(file)
    kept, step_of = {}, module.training_step_of
    # Narrow, because only the steps are tested here; the widths are those of the tests above.
    for name in ("GaitSet", "GaitPart", "GLN", "MT3D"):
        if hasattr(module, name):
            monkeypatch.setattr(module, name, functools.partial(getattr(module, name), channels=(4, 8, 16)))
    if file == "three_d_local":
        narrow = functools.partial(module.ReleaseThreeDLocal, channels=(4, 8, 16))
        monkeypatch.setitem(module.PRESETS, "release", narrow)

    def keep_the_model(model, *batch):
        kept["model"] = model
        return step_of(model, *batch)

    monkeypatch.setattr(module, "training_step_of", keep_the_model)
    call = module.training_step(walks=4, frames=4)
    before = {name: value.detach().clone() for name, value in kept["model"].named_parameters()}
    assert call() > 0
    assert call.facts["walks"] == 4
    unchanged = [name for name, value in kept["model"].named_parameters() if torch.equal(value, before[name])]
    assert not unchanged
    assert np.isfinite(module.inference(walks=1, frames=4)()).all()
