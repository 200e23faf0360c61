"""Every public layer, model and loss with toy arguments and the shapes of its inputs and outputs.

Shapes are a small language: `b` is the batch and `t` the number of frames, both free; numbers are fixed; `t/3` is one
frame for every three, at least one.
"""

from typing import NamedTuple

from tf3dlocal import layers, losses
from tf3dlocal.models import GLN, MT3D, GaitPart, GaitSet, ThreeDLocal

HEAD = ("head", 0.25, 0.5, 0.5, 0.5, 0.125, 0.5)
HALVES = [("upper", 0.5, 1.0, 0.5, 0.5, 0.25, 0.5), ("lower", 0.5, 1.0, 0.5, 0.5, 0.75, 0.5)]


class Row(NamedTuple):
    """A class or builder, its arguments, and the shapes of its call arguments and outputs."""

    make: object
    arguments: dict
    inputs: tuple
    outputs: object

    def sizes(self, batch, frames):
        """(input shapes, output shapes) for these numbers of clips and frames, None for an unknown one."""
        free = {"b": batch, "t": frames, "t/3": frames and max(1, frames // 3)}

        def shape(text):
            if isinstance(text, dict):
                return {name: shape(value) for name, value in text.items()}
            return tuple(free[axis] if axis in free else int(axis) for axis in text.split())

        return [shape(text) for text in self.inputs], shape(self.outputs)


VOLUME, MAP = "b t 8 6 4", "b t 8 6 8"
SAMPLED = ((VOLUME, "b 8"), VOLUME)
SAMPLED_PER_FRAME = ((VOLUME, "b t 8"), VOLUME)
RELEASE_SAMPLING = {"num_rows": 5, "geometry": "release"}

LAYERS = {
    "BasicBlock3D": Row(layers.BasicBlock3D, {"filters": 3, "seed": 0}, (VOLUME,), "b t 8 6 3"),
    "CompactBlock": Row(layers.CompactBlock, {"units": 5, "seed": 0}, ("b 3 8",), "b 5"),
    "CompactBlock, no bias": Row(
        layers.CompactBlock, {"units": 5, "seed": 0, "train_norm_bias": False}, ("b 3 8",), "b 5"
    ),
    "Dropout": Row(layers.Dropout, {"rate": 0.5, "seed": 0}, ("b 8",), "b 8"),
    "FocalConvolution": Row(
        layers.FocalConvolution, {"filters": 3, "kernel_size": 5, "num_strips": 2}, (VOLUME,), "b t 8 6 3"
    ),
    "FramePooling": Row(layers.FramePooling, {}, ("b t 9 7 4",), "b t 4 3 4"),
    "GaussianSampler3D": Row(layers.GaussianSampler3D, {}, *SAMPLED),
    "GaussianSampler3D, release": Row(layers.GaussianSampler3D, RELEASE_SAMPLING, *SAMPLED),
    "HorizontalPooling": Row(layers.HorizontalPooling, {"num_strips": 4}, (VOLUME,), "b t 4 4"),
    "HorizontalPyramidPooling": Row(layers.HorizontalPyramidPooling, {"bins": [4, 1]}, ("b 8 6 4",), "b 5 4"),
    "LeakyReLU": Row(layers.LeakyReLU, {"negative_slope": 0.01}, (VOLUME,), VOLUME),
    "LocalizationNetwork": Row(layers.LocalizationNetwork, {"hidden_channels": 3, "seed": 0}, (MAP,), "b 8"),
    "LocalizationNetwork, release": Row(
        layers.LocalizationNetwork,
        {"hidden_channels": 3, "num_outputs": 7, "geometry": "release", "seed": 0},
        (MAP,),
        "b 7",
    ),
    "LocalizationNetwork, per frame": Row(
        layers.LocalizationNetwork, {"hidden_channels": 3, "per_frame": True, "seed": 0}, (MAP,), "b t 8"
    ),
    "LocalPath": Row(
        layers.LocalPath,
        {"prior": HEAD, "channels": 3, "hidden_channels": 5, "seed": 0},
        (VOLUME, MAP),
        {"features": "b t 8 6 3", "volume": VOLUME, "location": "b 8", "prior_distance": "b"},
    ),
    "LocalPath, release": Row(
        layers.LocalPath,
        {  # its mixture reads nothing of a clip as short as these
            "prior": HEAD,
            "channels": 3,
            "hidden_channels": 5,
            "geometry": "release",
            "sampler": "gaussian",
            "num_convolutions": 2,
            "seed": 0,
        },
        (VOLUME, MAP),
        {"features": "b t 8 6 3", "volume": VOLUME, "location": "b 8", "prior_distance": "b"},
    ),
    "LocalPath, registered": Row(
        layers.LocalPath,
        {"prior": HEAD, "channels": 3, "hidden_channels": 5, "registered": True, "seed": 0},
        (VOLUME, MAP),
        {"features": "b t 8 6 3", "volume": VOLUME, "location": "b 8", "prior_distance": "b"},
    ),
    "LocalPath, per frame, no features": Row(
        layers.LocalPath,
        {"prior": HEAD, "channels": 0, "hidden_channels": 5, "per_frame": True, "seed": 0},
        (VOLUME, MAP),
        {"features": VOLUME, "volume": VOLUME, "location": "b t 8", "prior_distance": "b"},
    ),
    "LocalTransform": Row(layers.LocalTransform, {"interval": 3, "seed": 0}, (VOLUME,), "b t/3 8 6 4"),
    "MapStatistics": Row(
        layers.MapStatistics,
        {},
        ("b 8 9 6 4",),
        {"largest": "b 4 5 3 4", "smallest": "b 4 5 3 4", "mean": "b 4", "variance": "b 4"},
    ),
    "MapStatistics, per frame": Row(
        layers.MapStatistics,
        {"halve_frames": False},
        ("b t 9 6 4",),
        {"largest": "b t 5 3 4", "smallest": "b t 5 3 4", "mean": "b 4", "variance": "b 4"},
    ),
    "MicroMotionPooling": Row(layers.MicroMotionPooling, {"squeeze": 2}, ("b t 3 8",), "b 3 8"),
    "MicroMotionPooling, release": Row(
        layers.MicroMotionPooling, {"use_bias": True, "activation": "relu"}, ("b t 3 8",), "b 3 8"
    ),
    "MixtureSampler3D": Row(layers.MixtureSampler3D, {}, *SAMPLED_PER_FRAME),
    "MixtureSampler3D, registered": Row(layers.MixtureSampler3D, {"registered": True}, *SAMPLED),
    "MixtureSampler3D, release": Row(layers.MixtureSampler3D, RELEASE_SAMPLING, *SAMPLED),
    "NormalizedMaxPooling": Row(layers.NormalizedMaxPooling, {"halve_frames": False}, ("b t 9 6 4",), "b t 5 3 4"),
    "SeparateDense": Row(layers.SeparateDense, {"units": 5}, ("b 3 8",), "b 3 5"),
    "SetPooling": Row(layers.SetPooling, {}, (VOLUME,), "b 8 6 4"),
    "SetPooling, keeping frames": Row(layers.SetPooling, {"keep_frames": True}, (VOLUME,), "b 1 8 6 4"),
    "TrilinearSampler3D": Row(layers.TrilinearSampler3D, {}, *SAMPLED),
    "VolumeConvolution": Row(layers.VolumeConvolution, {"filters": 3}, (VOLUME,), "b t 8 6 3"),
    "VolumeConvolution, of three sizes": Row(
        layers.VolumeConvolution, {"filters": 3, "kernel_size": [3, 1, 5]}, (VOLUME,), "b t 8 6 3"
    ),
}

# The localization networks have as many filters as the blocks: ReLU may silence very few of them.
TINY = {
    "input_shape": (None, 16, 12, 1),
    "channels": (4, 6, 6),
    "hidden_divisor": 1,
    "parts": HALVES,
    "num_strips": 2,
    "embedding_channels": 6,
    "seed": 0,
}
SILHOUETTES = ("b t 16 12 1",)

SMALL = {"input_shape": (None, 16, 12, 1), "channels": (4, 5, 6), "embedding_channels": 6, "seed": 0}
CLASSIFIED = {"compact_channels": 5, "num_classes": 3}

MODELS = {
    "gaitset": Row(GaitSet, {**SMALL, "bins": (1, 2)}, SILHOUETTES, {"part_features": "b 6 6", "embedding": "b 6 6"}),
    "gaitset, opengait, classified": Row(
        GaitSet,
        {**SMALL, **CLASSIFIED, "bins": (2,), "preset": "opengait"},
        SILHOUETTES,
        {"part_features": "b 4 6", "embedding": "b 5", "logits": "b 3"},
    ),
    "gaitpart": Row(
        GaitPart,
        {**SMALL, "strips": (1, 2, 4), "num_strips": 2},
        SILHOUETTES,
        {"part_features": "b 2 6", "embedding": "b 2 6"},
    ),
    "gaitpart, release, four blocks": Row(
        GaitPart,
        {**SMALL, "preset": "release", "channels": (4, 5, 6, 12), "strips": (1, 2, 4, 4), "num_strips": 2},
        SILHOUETTES,
        {"part_features": "b 2 6", "embedding": "b 2 6"},
    ),
    "gln": Row(
        GLN,
        {**SMALL, "bins": (1, 2), "lateral_channels": 5},
        SILHOUETTES,
        {"part_features": "b 9 6", "embedding": "b 9 6"},
    ),
    "gln, phase 2": Row(
        GLN,
        {**SMALL, **CLASSIFIED, "bins": (2,), "lateral_channels": 5},
        SILHOUETTES,
        {"part_features": "b 6 6", "embedding": "b 5", "logits": "b 3"},
    ),
    "gln, phase 2, opengait": Row(
        GLN,
        {**SMALL, **CLASSIFIED, "bins": (2,), "lateral_channels": 5, "preset": "opengait"},
        SILHOUETTES,
        {"part_features": "b 6 6", "embedding": "b 6 6", "logits": "b 3"},
    ),
    "mt3d": Row(MT3D, {**SMALL, "num_strips": 4}, SILHOUETTES, {"part_features": "b 8 6", "embedding": "b 8 6"}),
    "three_d_local": Row(
        ThreeDLocal,
        {**TINY, "local_blocks": (1,), "compact_channels": 5, "num_classes": 3},
        SILHOUETTES,
        {"part_features": "b 2 6", "embedding": "b 5", "logits": "b 3"},
    ),
    "three_d_local, release": Row(
        ThreeDLocal,
        {**TINY, "preset": "release", "parts": HALVES[:1]},
        SILHOUETTES,
        {"part_features": "b 2 6", "embedding": "b 2 6"},
    ),
    "three_d_local, recommended, classified": Row(
        ThreeDLocal,
        {**TINY, **CLASSIFIED, "preset": "recommended", "local_blocks": (1,), "part_strips": 2},
        SILHOUETTES,
        {"part_features": "b 6 6", "embedding": "b 5", "logits": "b 3"},
    ),
    "three_d_local, unit features": Row(
        ThreeDLocal,
        {**TINY, "preset": "recommended", "local_blocks": (1,), "part_strips": 2, "feature_norm": True},
        SILHOUETTES,
        {"part_features": "b 6 6", "embedding": "b 6 6"},
    ),
    "three_d_local, per frame, focal": Row(
        ThreeDLocal,
        {
            **TINY,
            "input_shape": (None, 32, 12, 1),
            "parts": HALVES[:1],
            "local_blocks": (2,),
            "per_frame": True,
            "global_path": "focal",
            "compact_channels": 0,
        },
        ("b t 32 12 1",),
        {"part_features": "b 2 6", "embedding": "b 2 6"},
    ),
}

# The losses take labels [b] too; `call` returns one value per strip or per walk.
LOSSES = {
    "BatchAllTripletLoss": Row(losses.BatchAllTripletLoss, {"margin": 0.3}, ("b 3 8",), "3"),
    "PriorPenalty": Row(losses.PriorPenalty, {}, ("b 3",), "b"),
    "ScaledCrossEntropy": Row(losses.ScaledCrossEntropy, {"scale": 2.0, "label_smoothing": 0.1}, ("b 5",), "b"),
    "TripletHardLoss": Row(losses.TripletHardLoss, {"margin": 0.3, "soft": True}, ("b 3 8",), "3"),
    "TripletSemiHardLoss": Row(losses.TripletSemiHardLoss, {"distance_metric": "squared-L2"}, ("b 3 8",), "3"),
}
