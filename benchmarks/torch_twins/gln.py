"""GLN's lateral network (training phase 1) in plain PyTorch, with OpenGait's module names."""

import torch
import torch.nn.functional as F
from modules import OfEveryFrame, SeparateLinear
from torch import nn
from torch_steps import inference_of, training_step_of

BINS = (16, 8, 4, 2, 1)


class Convolution(nn.Module):
    def __init__(self, inputs, outputs, kernel_size=3):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel_size, padding=kernel_size // 2, bias=False)

    def forward(self, x):
        return self.conv(x)


def stage(inputs, outputs, kernel_size=3):
    """Return two convolutions; the pooling before them has no weights and is in `GLN.forward`."""
    return nn.Sequential(
        Convolution(inputs, outputs, kernel_size), nn.LeakyReLU(0.01), Convolution(outputs, outputs), nn.LeakyReLU(0.01)
    )


def pyramid(x):
    scales = [x.unflatten(2, (number, -1)).flatten(3) for number in BINS]  # n c p (h w)
    return torch.cat([strips.mean(-1) + strips.amax(-1) for strips in scales], 2).transpose(1, 2)  # n p c


class GLN(nn.Module):
    def __init__(self, channels=(32, 64, 128), lateral_channels=256):
        super().__init__()
        first, second, third = channels
        self.sil_stage_0 = OfEveryFrame(stage(1, first, 5))
        self.sil_stage_1, self.set_stage_1 = OfEveryFrame(stage(first, second)), stage(first, second)
        self.sil_stage_2, self.set_stage_2 = OfEveryFrame(stage(second, third)), stage(second, third)
        self.set_stage_1.load_state_dict(self.sil_stage_1.forward_block.state_dict())
        self.set_stage_2.load_state_dict(self.sil_stage_2.forward_block.state_dict())
        for number, inputs in enumerate(channels, start=1):
            setattr(self, f"lateral_layer{number}", nn.Conv2d(2 * inputs, lateral_channels, 1, bias=False))
            smooth = nn.Conv2d(lateral_channels, lateral_channels, 3, padding=1, bias=False)
            setattr(self, f"smooth_layer{number}", smooth)
        self.frame_pool = OfEveryFrame(nn.MaxPool2d(2))
        self.Head = SeparateLinear(3 * sum(BINS), lateral_channels, lateral_channels)

    def forward(self, silhouettes):
        x = self.sil_stage_0(silhouettes.unsqueeze(2))  # n t c h w
        whole = x.amax(1)
        maps = [torch.cat([whole, whole], 1)]  # the first stage has no set stage
        for sil_stage, set_stage in ((self.sil_stage_1, self.set_stage_1), (self.sil_stage_2, self.set_stage_2)):
            x = sil_stage(self.frame_pool(x))
            strongest = x.amax(1)
            whole = set_stage(F.max_pool2d(whole, 2)) + strongest
            maps.append(torch.cat([strongest, whole], 1))
        third = self.lateral_layer3(maps[2])
        second = self.lateral_layer2(maps[1]) + F.interpolate(third, scale_factor=2)
        first = self.lateral_layer1(maps[0]) + F.interpolate(second, scale_factor=2)
        levels = [self.smooth_layer1(first), self.smooth_layer2(second), self.smooth_layer3(third)]
        features = self.Head(torch.cat([pyramid(level) for level in levels], 1))
        return {"part_features": features, "embedding": features}


def training_step(walks=8, frames=30):
    return training_step_of(GLN(), walks, frames)


def inference(walks=8, frames=30):
    return inference_of(GLN(), walks, frames)
