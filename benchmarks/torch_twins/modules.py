"""Modules that several twins share. Axes: batch n, frames t, channels c, height h, width w, strips p."""

import torch
import torch.nn.functional as F
from torch import nn


class FrameConvolution(nn.Module):
    """A convolution of single maps with its LeakyReLU: n c h w -> n c h w."""

    def __init__(self, inputs, outputs, kernel_size=3):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel_size, padding=kernel_size // 2, bias=False)

    def forward(self, x):
        return F.leaky_relu(self.conv(x), 0.01, inplace=True)


class OfEveryFrame(nn.Module):
    """A module of single maps, applied to every frame: n t c h w."""

    def __init__(self, forward_block):
        super().__init__()
        self.forward_block = forward_block

    def forward(self, x):
        return self.forward_block(x.flatten(0, 1)).unflatten(0, x.shape[:2])


class SeparateLinear(nn.Module):
    """One matrix per strip: n p c -> n p c."""

    def __init__(self, num_strips, inputs, outputs):
        super().__init__()
        self.fc_bin = nn.Parameter(nn.init.xavier_uniform_(torch.empty(num_strips, inputs, outputs)))

    def forward(self, x):
        return torch.matmul(x.transpose(0, 1), self.fc_bin).transpose(0, 1)
