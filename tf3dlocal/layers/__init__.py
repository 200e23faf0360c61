"""Keras layers: local paths and samplers, and the other layers of the silhouette backbones.

`local` finds body parts, `sampling` cuts their volumes out; `convolution`, `pooling` and `temporal` are the backbones;
`separate_dense` and `compact_block` are the heads.
"""

from tf3dlocal.layers.compact_block import CompactBlock
from tf3dlocal.layers.convolution.basic_block_3d import BasicBlock3D
from tf3dlocal.layers.convolution.frame_block import FocalConvolution, frame_block
from tf3dlocal.layers.convolution.leaky_relu import LeakyReLU
from tf3dlocal.layers.convolution.volume_convolution import VolumeConvolution
from tf3dlocal.layers.defaults import batch_normalization, derive_seed, kaiming_fan_out
from tf3dlocal.layers.dropout import Dropout
from tf3dlocal.layers.local.local_block import fuse, local_block, local_paths
from tf3dlocal.layers.local.local_path import LocalPath
from tf3dlocal.layers.local.localization_network import LocalizationNetwork
from tf3dlocal.layers.local.localization_table import LayerRow, localization_rows
from tf3dlocal.layers.local.location import LOCATION_FIELDS, Location, decode_location
from tf3dlocal.layers.local.map_statistics import MapStatistics
from tf3dlocal.layers.local.normalized_max_pooling import NormalizedMaxPooling
from tf3dlocal.layers.local.part_priors import PAPER_PARTS, RELEASE_PARTS, WHOLE_CLIP_PARTS, PartPrior
from tf3dlocal.layers.pooling.frame_pooling import FramePooling
from tf3dlocal.layers.pooling.horizontal_pooling import HorizontalPooling, HorizontalPyramidPooling
from tf3dlocal.layers.pooling.max_pooling import LOWEST_FLOAT16, adaptive_max_pool, halving_max_pool
from tf3dlocal.layers.sampling.filters import apply_filters, gaussian_filter, linear_filter, sampling_grid
from tf3dlocal.layers.sampling.samplers import GaussianSampler3D, MixtureSampler3D, TrilinearSampler3D
from tf3dlocal.layers.separate_dense import SeparateDense
from tf3dlocal.layers.temporal.local_transform import LocalTransform
from tf3dlocal.layers.temporal.micro_motion_pooling import MicroMotionPooling
from tf3dlocal.layers.temporal.set_pooling import SetPooling

__all__ = [
    "LOCATION_FIELDS",
    "LOWEST_FLOAT16",
    "PAPER_PARTS",
    "RELEASE_PARTS",
    "BasicBlock3D",
    "CompactBlock",
    "Dropout",
    "FocalConvolution",
    "FramePooling",
    "GaussianSampler3D",
    "HorizontalPooling",
    "HorizontalPyramidPooling",
    "LayerRow",
    "LeakyReLU",
    "LocalPath",
    "LocalTransform",
    "LocalizationNetwork",
    "Location",
    "MapStatistics",
    "MicroMotionPooling",
    "MixtureSampler3D",
    "NormalizedMaxPooling",
    "PartPrior",
    "SeparateDense",
    "SetPooling",
    "TrilinearSampler3D",
    "VolumeConvolution",
    "WHOLE_CLIP_PARTS",
    "adaptive_max_pool",
    "apply_filters",
    "batch_normalization",
    "decode_location",
    "derive_seed",
    "frame_block",
    "gaussian_filter",
    "halving_max_pool",
    "kaiming_fan_out",
    "linear_filter",
    "fuse",
    "local_block",
    "local_paths",
    "localization_rows",
    "sampling_grid",
]
