"""The parts of the models in plain PyTorch, for benchmarks/parts.py."""

import numpy as np
import torch
import torch.nn.functional as F
from three_d_local import (
    Localization,
    PaperSampler,
    ReleaseSampler,
    TemporalPool,
    strips,
)
from torch import nn
from torch_steps import batch_all_triplet_loss


def part(name, walks, frames, backward=True):
    """Return a callable that computes one part once, and with `backward` its gradient by inputs and weights."""
    torch.manual_seed(0)
    module, inputs = PARTS[name](walks, frames)
    inputs = [value.requires_grad_(backward) for value in inputs]
    parameters = list(module.parameters()) if isinstance(module, nn.Module) else []
    upstream = torch.randn_like(module(*inputs)) if backward else None

    def call():
        if not backward:
            with torch.inference_mode():
                return module(*inputs)
        return torch.autograd.grad(module(*inputs), [*inputs, *parameters], upstream, allow_unused=True)

    call.facts = {"threads": torch.get_num_threads()}
    return call


def drawn(*shape):
    return torch.from_numpy(np.random.default_rng(0).normal(size=shape).astype("float32"))


def triplets(walks, frames):
    subjects, of_each = (8, 16) if walks >= 8 else (4, 4)
    labels = torch.arange(subjects).repeat_interleave(of_each)
    return lambda features: batch_all_triplet_loss(features, labels), [0.02 * drawn(len(labels), 16, 256)]


class SixLocalizations(nn.Module):
    def __init__(self):
        super().__init__()
        self.networks = nn.ModuleList([Localization(128, 64) for _ in range(6)])

    def forward(self, maps):
        maps = maps.detach()
        return torch.stack([network(maps) for network in self.networks])


def convolution(n, t):
    return nn.Conv3d(64, 64, 3, padding=1, bias=False), [drawn(n, 64, t, 16, 11)]


LEG = ((3 / 8, 5 / 11, 0.4), (0.7, 0.8, 0.5))
PARTS = {
    "convolution": convolution,
    "frame-convolution": lambda n, t: (nn.Conv2d(64, 64, 3, padding=1, bias=False), [drawn(n * t, 64, 32, 22)]),
    "pooling": lambda n, t: (nn.MaxPool2d(2), [drawn(n * t, 32, 64, 44)]),
    "halving-pooling": lambda n, t: (nn.MaxPool3d(3, 2, 1), [drawn(n, 64, t, 16, 11)]),
    "gaussian": lambda n, t: (ReleaseSampler(LEG), [drawn(n, 64, t, 16, 11), 0.3 * drawn(n, 7)]),
    "mixture": lambda n, t: (PaperSampler(LEG), [drawn(n, 64, t, 16, 11), 0.3 * drawn(n, 8)]),
    "localization": lambda n, t: (SixLocalizations(), [drawn(n, 128, t, 16, 11)]),
    "micro-motion": lambda n, t: (TemporalPool(128, bias=False, activation=F.leaky_relu), [drawn(n, 128, t, 16)]),
    "triplets": triplets,
    "horizontal": lambda n, t: (strips, [drawn(n, 128, t, 16, 11)]),
}
