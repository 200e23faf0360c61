"""Keras layers: localization, samplers, and the pieces of the silhouette backbones around them."""

from tf3dlocal.layers.adaptive_max_pool import adaptive_max_pool
from tf3dlocal.layers.basic_block_3d import BasicBlock3D
from tf3dlocal.layers.batch_normalization import batch_normalization
from tf3dlocal.layers.compact_block import CompactBlock
from tf3dlocal.layers.dropout import Dropout
from tf3dlocal.layers.focal_convolution import FocalConvolution
from tf3dlocal.layers.forms import choose_form, in_compiled_graph
from tf3dlocal.layers.frame_block import frame_block
from tf3dlocal.layers.frame_pooling import FramePooling
from tf3dlocal.layers.gaussian_sampler import GaussianSampler3D
from tf3dlocal.layers.halving_max_pool import halving_max_pool
from tf3dlocal.layers.horizontal_pooling import HorizontalPooling
from tf3dlocal.layers.horizontal_pyramid_pooling import HorizontalPyramidPooling
from tf3dlocal.layers.initializers import kaiming_fan_out
from tf3dlocal.layers.local_block import local_block
from tf3dlocal.layers.local_path import LocalPath
from tf3dlocal.layers.local_transform import LocalTransform
from tf3dlocal.layers.localization_network import LocalizationNetwork
from tf3dlocal.layers.location import LOCATION_FIELDS, Location, decode_location
from tf3dlocal.layers.micro_motion_pooling import MicroMotionPooling
from tf3dlocal.layers.minimal_filtering import minimal_filtering
from tf3dlocal.layers.mixture_sampler import MixtureSampler3D
from tf3dlocal.layers.normalized_max_pooling import NormalizedMaxPooling
from tf3dlocal.layers.own_seed import own_seed
from tf3dlocal.layers.part_priors import PAPER_PARTS, RELEASE_PARTS, PartPrior
from tf3dlocal.layers.sampling_filters import apply_filters, gaussian_filter, linear_filter, sampling_grid
from tf3dlocal.layers.separate_dense import SeparateDense
from tf3dlocal.layers.set_pooling import SetPooling
from tf3dlocal.layers.trilinear_sampler import TrilinearSampler3D
from tf3dlocal.layers.volume_convolution import VolumeConvolution

__all__ = [name for name in dir() if not name.startswith("_") and name not in ("tf3dlocal",)]
