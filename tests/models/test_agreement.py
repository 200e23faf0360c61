"""Arguments that fit alone and not together are refused before anything is built, named as the user wrote them."""

import re

import pytest

from tf3dlocal.layers import PAPER_PARTS
from tf3dlocal.models import MODELS, check_model_arguments

TALL = ["torso", 1.0, 0.2, 0.3, 0.5, 0.5, 0.5]
FLAT = ["foot", 0.001, 0.9, 0.3, 0.5, 0.5, 0.5]
# (model, arguments, the arguments that the message names, what else is in it).
CONTRADICTIONS = [
    ("three_d_local", {"num_strips": 63}, ["num_strips", "input_shape"], "Use one of 1, 2, 4, 8, 16, or"),
    ("three_d_local", {"num_strips": 32, "local_blocks": []}, ["num_strips"], "a height that is a multiple of 128"),
    ("three_d_local", {"input_shape": [None, 16, 11, 1]}, ["input_shape", "num_strips"], "silhouettes of 16 x 11"),
    ("three_d_local", {"input_shape": [None, 4, 4, 1]}, ["input_shape", "num_strips"], "the 1 row of .* Use 1, or"),
    ("three_d_local", {"input_shape": [None, 63, 44, 1]}, ["num_strips"], "Use one of 1, 3, 5, 15"),
    (
        "three_d_local",
        {"global_path": "focal", "input_shape": [None, 60, 44, 1], "num_strips": 15},
        ["global_path", "input_shape"],
        r"\[1, 4, 8\] strips, .* have \[60, 30, 15\].* a multiple of 32",
    ),
    ("three_d_local", {"preset": "release", "per_frame": True}, ["per_frame", "geometry"], 'to be "paper"; got "rel'),
    ("three_d_local", {"geometry": "release", "per_frame": True}, ["per_frame", "geometry"], "."),
    ("three_d_local", {"prior_distances": True, "local_blocks": ()}, ["prior_distances", "local_blocks"], "no parts"),
    ("three_d_local", {"part_strips": 1, "local_blocks": ()}, ["part_strips", "local_blocks"], "no parts"),
    ("three_d_local", {"part_strips": 32}, ["part_strips"], "the 16 rows of block 3"),
    (
        "three_d_local",
        {"preset": "recommended", "path_dropout": 0.5},
        ["path_dropout", "fusion"],
        "leaves parts out of the fusion",
    ),
    ("three_d_local", {"fusion": False}, ["fusion", "part_strips", "local_blocks"], "no output reads the parts"),
    (
        "three_d_local",
        {"fusion": False, "part_strips": 1, "fusion_start": "identity"},
        ["fusion", "fusion_start"],
        "nothing starts",
    ),
    ("three_d_local", {"geometry": "release"}, ["parts", "geometry"], "'torso' is too tall .* 117 of the 64 rows"),
    ("three_d_local", {"preset": "release", "parts": PAPER_PARTS}, ["parts"], "29 of the 16 rows of block 3"),
    ("three_d_local", {"preset": "release", "parts": [FLAT]}, ["parts"], "'foot' is too flat"),
    ("three_d_local", {"preset": "release", "parts": [TALL, FLAT]}, ["parts"], "'torso' is too tall.*'foot' is too"),
    ("three_d_local", {"preset": "release", "num_classes": 9}, ["num_classes", "compact_channels"], "for 9 subjects"),
    ("three_d_local", {"num_classes": 9, "compact_channels": 0}, ["num_classes", "compact_channels"], "."),
    ("gaitset", {"bins": [3]}, ["bins", "input_shape"], r"bins is \[3\] and must divide the 16 rows"),
    ("gaitset", {"bins": [1, 32]}, ["bins", "input_shape"], "multiple of 128"),
    ("gaitset", {"input_shape": [None, 16, 11, 1]}, ["bins", "input_shape"], "the 4 rows"),
    ("gaitset", {"num_classes": 9}, ["num_classes", "compact_channels"], "."),
    ("gaitpart", {"num_strips": 63}, ["num_strips", "input_shape"], "."),
    ("gaitpart", {"strips": [1, 4, 8, 8]}, ["strips", "channels"], "one number per block"),
    ("gaitpart", {"channels": [4, 4, 4, 4], "strips": [1, 4, 8]}, ["strips", "channels"], "one number per block"),
    ("gaitpart", {"strips": [3, 4, 8]}, ["strips", "input_shape"], r"\[3, 4, 8\] strips.*\[64, 32, 16\]"),
    ("gaitpart", {"strips": [1, 4, 9]}, ["strips", "input_shape"], "multiple of 72"),
    ("gaitpart", {"channels": [4] * 4, "strips": [1, 2, 8, 32]}, ["strips"], r"\[64, 32, 16, 16\]"),
    ("gaitpart", {"input_shape": [None, 40, 28, 1], "num_strips": 10}, ["strips"], r"have \[40, 20, 10\]"),
    ("gaitpart", {"input_shape": [None, 32, 22, 1]}, ["num_strips"], "the 8 rows"),
    ("gaitpart", {"num_classes": 9}, ["num_classes", "compact_channels"], "."),
    ("gln", {"bins": [16, 5]}, ["bins", "input_shape"], "the 16 rows of the coarsest map"),
    ("gln", {"input_shape": [None, 64, 42, 1]}, ["input_shape"], "divisible by 4; got 64 x 42"),
    ("gln", {"input_shape": [None, 66, 44, 1], "bins": [1]}, ["input_shape"], "divisible by 4; got 66 x 44"),
    ("gln", {"preset": "opengait", "compact_channels": 5}, ["compact_channels", "num_classes"], "without a classifier"),
    ("gln", {"num_classes": 9}, ["num_classes", "compact_channels"], "."),
    ("mt3d", {"num_strips": 64}, ["num_strips", "input_shape"], "the 32 rows"),
    ("mt3d", {"input_shape": [None, 16, 11, 1]}, ["num_strips", "input_shape"], "the 8 rows"),
    ("mt3d", {"num_classes": 9}, ["num_classes", "compact_channels"], "."),
]
LAYERS = re.compile(r"pooling|pyramid|convolution|block_\d|localization|small_strips")


@pytest.mark.bad_input
@pytest.mark.parametrize(("model", "arguments", "named", "text"), CONTRADICTIONS, ids=repr)
def test_a_contradiction_is_named_in_a_config_and_in_python(model, arguments, named, text):
    with pytest.raises(ValueError, match=text) as in_python:
        MODELS[model](**arguments)
    with pytest.raises(ValueError, match=text) as in_config:
        check_model_arguments(model, arguments, set_by={})
    for message, prefix in ((str(in_python.value), ""), (str(in_config.value), "model.arguments.")):
        assert all(f"{prefix}{name}" in message for name in named), message
        assert message.endswith(".") and not LAYERS.search(message), message


@pytest.mark.bad_input
def test_an_argument_that_another_key_sets_is_named_by_that_key():
    with pytest.raises(ValueError) as refused:
        check_model_arguments(
            "gaitset", {"input_shape": (None, 32, 22, 1)}, set_by={"input_shape": "data.size", "seed": "training.seed"}
        )
    assert "model.arguments.bins is [1, 2, 4, 8, 16]" in str(refused.value)
    assert "(data.size)" in str(refused.value) and "set data.size to a height" in str(refused.value)


@pytest.mark.bad_input
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("shape", [(30, 64, 44, 3), (None, 64, 44, 2), (None, 64, 44, 1.0), (None, 64, 44, True)])
def test_silhouettes_have_one_channel(model, shape):
    with pytest.raises(ValueError, match=r"^input_shape must be \(frames or None, height, width, 1\): one channel"):
        MODELS[model](input_shape=shape)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("size", [(64, 44), (128, 88)])
def test_every_preset_agrees_with_itself_at_both_sizes(model, size):
    for preset in MODELS[model].presets:
        check_model_arguments(model, {"preset": preset, "input_shape": (None, *size, 1)}, set_by={})
