"""Initial weights have the spread that PyTorch's initializers give in the originals."""

import numpy as np
import pytest
import torch

from tf3dlocal.layers import MicroMotionPooling, SeparateDense, VolumeConvolution


def test_convolutions_start_as_kaiming_normal_by_fan_out():
    torch.manual_seed(0)
    theirs = torch.nn.Conv3d(64, 64, 3, bias=False)
    torch.nn.init.kaiming_normal_(theirs.weight, mode="fan_out")
    ours = VolumeConvolution(64, seed=0)
    ours.build((None, None, 8, 8, 64))
    # Deviations of 110592 numbers, each known to one in 470.
    assert np.std(ours.kernel) == pytest.approx(theirs.weight.std().item(), rel=0.015)


def test_the_linear_maps_of_strips_start_as_a_grouped_convolution_by_fan_out():
    torch.manual_seed(0)
    theirs = torch.nn.Conv2d(16 * 8, 16 * 64, 1, groups=16, bias=False)
    torch.nn.init.kaiming_normal_(theirs.weight, mode="fan_out")
    ours = SeparateDense(64, seed=0)
    ours.build((None, 16, 8))
    assert np.std(ours.kernel) == pytest.approx(theirs.weight.std().item(), rel=0.05)  # 8192 numbers


def test_micro_motion_convolutions_start_within_the_bounds_of_pytorchs_conv1d():
    torch.manual_seed(0)
    theirs = torch.nn.Conv1d(16 * 32, 16 * 8, 3, groups=16)
    ours = MicroMotionPooling(use_bias=True, seed=0)
    ours.build((None, None, 16, 32))
    (kernel, bias), _ = ours.template_weights[0]
    bound = theirs.weight.abs().max().item()
    assert np.abs(kernel).max() == pytest.approx(bound, rel=0.01)  # the largest of 12288 numbers
    assert np.abs(bias).max() == pytest.approx(theirs.bias.abs().max().item(), rel=0.1)  # of 128
