"""Every argument of every builder has a type and a range; a wrong value is named as the user wrote it."""

import inspect

import numpy as np
import pytest

from tf3dlocal.layers import (
    CompactBlock,
    FocalConvolution,
    GaussianSampler3D,
    HorizontalPooling,
    HorizontalPyramidPooling,
    MicroMotionPooling,
    SeparateDense,
    VolumeConvolution,
)
from tf3dlocal.models import MODELS, check_model_arguments
from tf3dlocal.models.arguments import CHECKS, OWN_CHECKS

HEAD = ["head", 0.125, 0.3, 0.3, 0.5, 0.06, 0.5]
NOT_COUNTS = [0, -1, 2.5, "8", True, None, [8], 10**7, float("nan"), 10**5000]
NOT_TRUTHS = ["maybe", 1, "true", [], 0.0]
NOT_SHARES = [1, 1.5, -0.1, "0.9", float("nan"), True, None]
# (model, argument): values that do not fit.
WRONG = {
    ("three_d_local", "preset"): ["papr", None, 3, ["paper"]],
    ("three_d_local", "num_classes"): [0, "74", 2.0],
    ("three_d_local", "input_shape"): [None, (64, 44, 1), (None, 64, None, 1), (None, 64, 44, 0), (0, 64, 44, 1), "64"],
    ("three_d_local", "channels"): [None, 32, (32, 64), "32", (32, 64, 0), (32, 64, "128"), (10**7,) * 3, (1.5, 2, 3)],
    ("three_d_local", "local_blocks"): [3, (0,), (1, 4), (3, 3), "123", (1.0,), {"1": 2}],
    ("three_d_local", "sampler"): ["mixtur", 3, ["mixture"]],
    ("three_d_local", "parts"): [(), "head", 3, [HEAD, HEAD], [HEAD[:3]], [[*HEAD[:1], 0, *HEAD[2:]]], [None]],
    ("three_d_local", "geometry"): ["relase", True],
    ("three_d_local", "num_convolutions"): [0, 17, "1"],
    ("three_d_local", "hidden_divisor"): [0, 1.5],
    ("three_d_local", "feature_extraction"): [*NOT_TRUTHS, None],
    ("three_d_local", "tied_strides"): NOT_TRUTHS,
    ("three_d_local", "per_frame"): [*NOT_TRUTHS, None],
    ("three_d_local", "registered"): [*NOT_TRUTHS, None],
    ("three_d_local", "fusion"): NOT_TRUTHS,
    ("three_d_local", "fusion_start"): ["eye", None, True],
    ("three_d_local", "part_strips"): [-1, 2.5, "1", True, 10**7],
    ("three_d_local", "location_norm"): NOT_TRUTHS,
    ("three_d_local", "location_jitter"): NOT_SHARES,
    ("three_d_local", "path_dropout"): NOT_SHARES,
    ("three_d_local", "prior_distances"): [*NOT_TRUTHS, None],
    ("three_d_local", "global_path"): ["fconv", None],
    ("three_d_local", "num_strips"): NOT_COUNTS,
    ("three_d_local", "embedding_channels"): NOT_COUNTS,
    ("three_d_local", "temporal_bias"): NOT_TRUTHS,
    ("three_d_local", "temporal_activation"): ["gelu"],
    ("three_d_local", "compact_channels"): [-1, "256", 1e6, True],
    ("three_d_local", "dropout"): NOT_SHARES,
    ("three_d_local", "clip_length"): NOT_COUNTS,
    ("three_d_local", "synchronized"): NOT_TRUTHS,
    ("three_d_local", "dtype"): ["float8", "mixed_float", 16, "int8", "float64"],
    ("three_d_local", "seed"): [-1, "0", 0.5, 2**32],
    ("three_d_local", "name"): ["", None, 3, "a/b", "a\nb"],
    ("gaitset", "bins"): [4, (0,), "16", (1, 2.5)],
    ("gaitset", "embedding_channels"): [None, "all"],
    ("gaitpart", "channels"): [(32, 64), (32, 64, 128, 256, 512)],
    ("gaitpart", "strips"): [(1, 4), (1, 4, 0), 4],
    ("gaitpart", "negative_slope"): [1.0, -0.01, "leaky"],
    ("gln", "lateral_channels"): NOT_COUNTS,
    ("gln", "lateral_kernel"): [2, 0, -1, 33, None],
    ("mt3d", "interval"): [0, 3.0, "3"],
}
CASES = [(model, argument, value) for (model, argument), values in WRONG.items() for value in values]


def case_name(value):
    return "10**5000" if isinstance(value, int) and value > 10**9 else repr(value)


@pytest.mark.bad_input
@pytest.mark.parametrize(("model", "argument", "value"), CASES, ids=case_name)
def test_a_wrong_value_is_named_in_a_config_and_in_python(model, argument, value):
    with pytest.raises(ValueError, match=rf"^model\.arguments\.{argument} must be .*; got .*\.") as in_config:
        check_model_arguments(model, {argument: value})
    with pytest.raises(ValueError, match=rf"^{argument} must be .*; got .*\.") as in_python:
        MODELS[model](**{argument: value})
    assert str(in_config.value) == f"model.arguments.{in_python.value}"
    assert len(str(in_config.value)) < 500
    if case_name(value) != "10**5000" and len(repr(value)) < 100:
        assert f"got {value!r}." in str(in_config.value)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ({"sampler": "mixtur"}, "got 'mixtur'. Did you mean 'mixture'?"),
        ({"preset": "papr"}, "got 'papr'. Did you mean 'paper'?"),
        ({"chanels": (1, 2, 3)}, "no argument of ThreeDLocal. Did you mean 'channels'"),
        ({"channels": None, "dropout": 2}, "model.arguments.dropout must be"),  # and channels: all of them
        ({3: 4}, "model.arguments.3 is no argument of ThreeDLocal"),
    ],
    ids=str,
)
def test_near_names_are_offered_and_every_problem_is_listed(value, hint):
    with pytest.raises(ValueError) as refused:
        check_model_arguments("three_d_local", value)
    assert hint in str(refused.value)
    assert all(f"model.arguments.{argument} " in str(refused.value) for argument in value)


@pytest.mark.bad_input
@pytest.mark.parametrize("name", ["three_d_locl", "", None, 3, ["gln"]])
def test_an_unknown_model_is_named(name):
    with pytest.raises(ValueError, match=r"model.name is .*\. (Did you mean '|Known names: 'three_d_local')"):
        check_model_arguments(name, {})


@pytest.mark.bad_input
@pytest.mark.parametrize("arguments", [None, [1], "channels", 3])
def test_arguments_that_are_no_mapping_are_refused(arguments):
    with pytest.raises(ValueError, match="model.arguments must be a mapping of arguments to values; got"):
        check_model_arguments("gln", arguments)


@pytest.mark.bad_input
@pytest.mark.parametrize("model", MODELS)
def test_a_mistyped_argument_in_python_is_answered_with_the_near_name(model):
    with pytest.raises(TypeError, match="has no argument 'chanels'. Did you mean 'channels'"):
        MODELS[model](chanels=(2, 2, 2))
    with pytest.raises(TypeError, match="positional"):
        MODELS[model]("paper", 74)


@pytest.mark.parametrize("model", MODELS)
def test_every_argument_has_a_check_and_every_default_passes_it(model):
    parameters = inspect.signature(MODELS[model]).parameters
    unchecked = set(parameters) - set(CHECKS) - set(OWN_CHECKS.get(MODELS[model].__name__, {})) - {"preset"}
    assert not unchecked
    check_model_arguments(model, {name: parameter.default for name, parameter in parameters.items()})


@pytest.mark.parametrize(
    "arguments",
    [
        {"channels": [64, 128, 256], "local_blocks": []},
        {"channels": np.array([4, 8, 8]), "clip_length": np.int64(30)},
        {"input_shape": [30, 128, 88, 1], "dtype": "mixed_bfloat16", "synchronized": True},
        {
            "parts": [
                HEAD,
                {
                    **dict(zip(("name", "height", "width", "length"), ("x", 1, 1, 1))),
                    "center_x": 0,
                    "center_y": 1,
                    "center_t": 0.5,
                },
            ]
        },
        {"sampler": None, "parts": None, "compact_channels": 0, "dropout": 0, "seed": None},
    ],
    ids=str,
)
def test_what_fits_passes(arguments):
    check_model_arguments("three_d_local", arguments)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("layer", "arguments"),
    [
        (VolumeConvolution, {"filters": 0}),
        (VolumeConvolution, {"filters": 4, "kernel_size": -1}),
        (VolumeConvolution, {"filters": 4, "kernel_size": (1, 3.0, 3)}),
        (FocalConvolution, {"filters": 4, "num_strips": 0}),
        (HorizontalPooling, {"num_strips": 0}),
        (HorizontalPyramidPooling, {"bins": (0, 1)}),
        (SeparateDense, {"units": 0}),
        (CompactBlock, {"units": True}),
        (MicroMotionPooling, {"squeeze": 0}),
        (GaussianSampler3D, {"num_rows": 0}),
    ],
    ids=str,
)
def test_layers_refuse_counts_that_they_cannot_have(layer, arguments):
    with pytest.raises(
        ValueError, match=rf"^{layer.__name__.replace('Focal', '(Focal|Volume)')}: .* must be a whole number"
    ):
        layer(**arguments)
