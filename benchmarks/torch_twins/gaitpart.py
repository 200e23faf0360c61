"""GaitPart in plain PyTorch, with OpenGait's module names. Axes: batch n, frames t, channels c, parts p."""

import torch
import torch.nn.functional as F
from modules import OfEveryFrame, SeparateLinear
from torch import nn
from torch_steps import inference_of, training_step_of

STRIPS = (1, 4, 8)


class FocalConvolution(nn.Module):
    """One convolution, applied to each horizontal strip of a map separately."""

    def __init__(self, inputs, outputs, kernel_size, num_strips):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel_size, padding=kernel_size // 2, bias=False)
        self.num_strips = num_strips

    def forward(self, x):
        if self.num_strips == 1:
            return self.conv(x)
        return torch.cat([self.conv(strip) for strip in x.chunk(self.num_strips, 2)], 2)


class FrameBlocks(nn.Module):
    def __init__(self, channels):
        super().__init__()
        layers, inputs = [], 1
        for block, (outputs, num_strips) in enumerate(zip(channels, STRIPS)):
            layers += [FocalConvolution(inputs, outputs, 3 if block else 5, num_strips), nn.LeakyReLU(0.01)]
            layers += [FocalConvolution(outputs, outputs, 3, num_strips), nn.LeakyReLU(0.01)]
            layers += [nn.MaxPool2d(2)] if block < 2 else []
            inputs = outputs
        self.feature = nn.Sequential(*layers)

    def forward(self, x):
        return self.feature(x)


class TimeConvolution(nn.Module):
    def __init__(self, inputs, outputs, kernel_size):
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, kernel_size, padding=kernel_size // 2, bias=False)

    def forward(self, x):
        return self.conv(x)


def gate(channels, second_kernel):
    hidden = channels // 4
    return nn.Sequential(
        TimeConvolution(channels, hidden, 3), nn.LeakyReLU(0.01), TimeConvolution(hidden, channels, second_kernel)
    )


class MicroMotion(nn.Module):
    """Two templates over 3 and 5 frames for every strip, each with its own convolutions."""

    def __init__(self, channels, num_strips):
        super().__init__()
        self.conv1d3x1 = nn.ModuleList([gate(channels, 1) for _ in range(num_strips)])
        self.conv1d3x3 = nn.ModuleList([gate(channels, 3) for _ in range(num_strips)])

    def forward(self, x):
        total = 0
        for gates, window in ((self.conv1d3x1, 3), (self.conv1d3x3, 5)):
            flat = x.flatten(0, 1)  # (n p) c t
            pooled = F.avg_pool1d(flat, window, 1, window // 2) + F.max_pool1d(flat, window, 1, window // 2)
            weights = torch.stack([gate(x[:, part]) for part, gate in enumerate(gates)], 1)
            total = total + pooled.unflatten(0, x.shape[:2]) * torch.sigmoid(weights)
        return total.amax(-1)  # n p c


class OverTime(nn.Module):
    def __init__(self, pooling_func):
        super().__init__()
        self.pooling_func = pooling_func

    def forward(self, x):
        return self.pooling_func(x)


class GaitPart(nn.Module):
    def __init__(self, channels=(32, 64, 128), num_strips=16):
        super().__init__()
        self.num_strips = num_strips
        self.Backbone = OfEveryFrame(FrameBlocks(channels))
        self.TFA = OverTime(MicroMotion(channels[-1], num_strips))
        self.Head = SeparateLinear(num_strips, channels[-1], channels[-1])

    def forward(self, silhouettes):
        x = self.Backbone(silhouettes.unsqueeze(2))  # n t c h w
        x = x.unflatten(3, (self.num_strips, -1)).flatten(4)
        parts = (x.mean(-1) + x.amax(-1)).permute(0, 3, 2, 1)  # n p c t
        features = self.Head(self.TFA(parts.contiguous()))
        return {"part_features": features, "embedding": features}


def training_step(walks=8, frames=30):
    return training_step_of(GaitPart(), walks, frames)


def inference(walks=8, frames=30):
    return inference_of(GaitPart(), walks, frames)
