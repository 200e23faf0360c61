"""MT3D in plain PyTorch, with the architecture of tf3dlocal's, because the authors published no code.

Axes: batch n, channels c, frames t.
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch_steps import inference_of, training_step_of


def convolution(inputs, outputs, kernel_size):
    padding = [size // 2 for size in kernel_size]
    return nn.Conv3d(inputs, outputs, kernel_size, padding=padding, bias=False)


class BasicBlock3D(nn.Module):
    """Three parallel convolutions, in volume, space and time, summed."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.volume = convolution(inputs, outputs, (3, 3, 3))
        self.space = convolution(inputs, outputs, (1, 3, 3))
        self.time = convolution(inputs, outputs, (3, 1, 1))

    def forward(self, x):
        return F.leaky_relu(self.volume(x) + self.space(x) + self.time(x), 0.01)


def local_transform(channels):
    return nn.Conv3d(channels, channels, (3, 1, 1), stride=(3, 1, 1), bias=False)


class MT3D(nn.Module):
    def __init__(self, channels=(32, 64, 128), num_strips=32, features=256):
        super().__init__()
        first, second, third = channels
        self.num_strips = num_strips
        self.layer_1 = convolution(1, first, (3, 3, 3))
        self.small_2, self.large_2 = BasicBlock3D(first, second), BasicBlock3D(first, second)
        self.small_3_1, self.large_3_1 = BasicBlock3D(second, third), BasicBlock3D(second, third)
        self.small_3_2, self.large_3_2 = BasicBlock3D(third, third), BasicBlock3D(third, third)
        self.local_transform_1, self.local_transform_2 = local_transform(first), local_transform(second)
        self.local_transform_3 = local_transform(third)
        self.part_features = nn.Parameter(nn.init.xavier_uniform_(torch.empty(2 * num_strips, third, features)))

    def forward(self, silhouettes):
        small = F.leaky_relu(self.layer_1(silhouettes.unsqueeze(1)), 0.01)  # n c t h w
        large = self.local_transform_1(small)
        small = F.max_pool3d(self.small_2(small), (1, 2, 2))
        large = F.max_pool3d(self.large_2(large), (1, 2, 2)) + self.local_transform_2(small)
        small = self.small_3_2(self.small_3_1(small))
        large = self.large_3_2(self.large_3_1(large)) + self.local_transform_3(small)
        strips = [x.amax(2).unflatten(2, (self.num_strips, -1)).flatten(3) for x in (small, large)]
        parts = torch.cat([strip.mean(-1) + strip.amax(-1) for strip in strips], 2)  # n c p
        features = torch.einsum("ncp,pcd->npd", parts, self.part_features)
        return {"part_features": features, "embedding": features}


def training_step(walks=8, frames=30):
    return training_step_of(MT3D(), walks, frames)


def inference(walks=8, frames=30):
    return inference_of(MT3D(), walks, frames)
