"""GaitSet in plain PyTorch, with the module names of the 3DLocal authors' code.

Axes: batch n, frames t, channels c, height h, width w, parts p.
"""

import torch
import torch.nn.functional as F
from modules import FrameConvolution, OfEveryFrame
from torch import nn
from torch_steps import inference_of, training_step_of

BINS = (1, 2, 4, 8, 16)


class Strips(nn.Module):
    """Strips at five scales, mean plus maximum, then one matrix per strip: n c h w -> n p c."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.num_strips = sum(BINS)
        self.fc = nn.Conv2d(self.num_strips * inputs, self.num_strips * outputs, 1, groups=self.num_strips, bias=False)

    def forward(self, x):
        scales = [x.unflatten(2, (number, -1)).flatten(3) for number in BINS]  # n c p (h w)
        parts = torch.cat([strips.mean(-1) + strips.amax(-1) for strips in scales], 2)  # n c p
        parts = parts.transpose(1, 2).flatten(1)[..., None, None]
        return self.fc(parts).unflatten(1, (self.num_strips, -1))[..., 0, 0]


class GaitSet(nn.Module):
    def __init__(self, channels=(32, 64, 128), features=256):
        super().__init__()
        first, second, third = channels
        self.set_layer1, self.set_layer2 = (
            OfEveryFrame(FrameConvolution(1, first, 5)),
            OfEveryFrame(FrameConvolution(first, first)),
        )
        self.set_layer3 = OfEveryFrame(FrameConvolution(first, second))
        self.set_layer4 = OfEveryFrame(FrameConvolution(second, second))
        self.set_layer5, self.set_layer6 = (
            OfEveryFrame(FrameConvolution(second, third)),
            OfEveryFrame(FrameConvolution(third, third)),
        )
        self.gl_layer1, self.gl_layer2 = FrameConvolution(first, second), FrameConvolution(second, second)
        self.gl_layer3, self.gl_layer4 = FrameConvolution(second, third), FrameConvolution(third, third)
        self.gl_hpm, self.x_hpm = Strips(third, features), Strips(third, features)
        self.frame_pool = OfEveryFrame(nn.MaxPool2d(2))

    def forward(self, silhouettes):
        x = silhouettes.unsqueeze(2)  # n t 1 h w
        x = self.frame_pool(self.set_layer2(self.set_layer1(x)))
        whole = F.max_pool2d(self.gl_layer2(self.gl_layer1(x.amax(1))), 2)
        x = self.frame_pool(self.set_layer4(self.set_layer3(x)))
        whole = self.gl_layer4(self.gl_layer3(whole + x.amax(1)))
        strongest = self.set_layer6(self.set_layer5(x)).amax(1)
        features = torch.cat([self.gl_hpm(whole + strongest), self.x_hpm(strongest)], 1)
        return {"part_features": features, "embedding": features}


def training_step(walks=8, frames=30):
    return training_step_of(GaitSet(), walks, frames)


def inference(walks=8, frames=30):
    return inference_of(GaitSet(), walks, frames)
