"""3DLocal in plain PyTorch, as one would write it without this library: the presets "release" and "paper".

The release's modules have the names of the authors' code, so that its weights fit. Like that code, both presets
normalize, rectify and pool the map before a localization network once for every part; tf3dlocal does it once for all
parts of a block (`tf3dlocal.layers.NormalizedMaxPooling`). Axes: batch n, channels c, frames t, height h, width w.
"""

import torch
import torch.nn.functional as F
from modules import FrameConvolution
from torch import nn
from torch_steps import inference_of, training_step_of

# (height, width, length) of a part as a share of the map, and its centre (x, y, t).
RELEASE_PARTS = {
    "head": ((1 / 8, 4 / 11, 0.4), (0.5, 1 / 16, 0.5)),
    "torso": ((1 / 2, 10 / 11, 0.4), (0.5, 3 / 8, 0.5)),
    "armL": ((3 / 16, 3 / 11, 0.4), (0.3, 0.5, 0.5)),
    "armR": ((3 / 16, 3 / 11, 0.4), (0.7, 0.5, 0.5)),
    "legL": ((3 / 8, 5 / 11, 0.4), (0.3, 0.8, 0.5)),
    "legR": ((3 / 8, 5 / 11, 0.4), (0.7, 0.8, 0.5)),
}
PAPER_PARTS = {
    "head": ((1 / 8, 3 / 11, 1 / 3), (0.5, 1 / 16, 0.5)),
    "left_arm": ((3 / 16, 3 / 11, 2 / 3), (0.3, 0.5, 0.5)),
    "right_arm": ((3 / 16, 3 / 11, 2 / 3), (0.7, 0.5, 0.5)),
    "torso": ((1 / 2, 3 / 11, 1 / 3), (0.5, 3 / 8, 0.5)),
    "left_leg": ((3 / 8, 5 / 11, 2 / 3), (0.3, 0.8, 0.5)),
    "right_leg": ((3 / 8, 5 / 11, 2 / 3), (0.7, 0.8, 0.5)),
}


class Backbone(nn.Module):
    """Six per-frame convolutions; returns the input and the output of the last two."""

    def __init__(self, channels):
        super().__init__()
        first, second, third = channels
        self.layer1, self.layer2 = FrameConvolution(1, first, 5), FrameConvolution(first, first, 3)
        self.layer3, self.layer4 = FrameConvolution(first, second, 3), FrameConvolution(second, second, 3)
        self.layer5, self.layer6 = FrameConvolution(second, third, 3), FrameConvolution(third, third, 3)

    def forward(self, silhouettes):
        n, t = silhouettes.shape[:2]
        x = silhouettes.flatten(0, 1).unsqueeze(1)  # (n t) 1 h w
        x = F.max_pool2d(self.layer2(self.layer1(x)), 2)
        x = F.max_pool2d(self.layer4(self.layer3(x)), 2)
        return by_walk(x, n, t), by_walk(self.layer6(self.layer5(x)), n, t)


def by_walk(x, n, t):
    """(n t) c h w -> n c t h w, copied once into this layout, because six modules and more read it."""
    return x.unflatten(0, (n, t)).transpose(1, 2).contiguous()


class Localization(nn.Module):
    def __init__(self, channels, hidden, num_outputs=7, paper_map=None):
        """Make the layers; `paper_map` is (time bins, rows, columns) before the linear layer, for the paper."""
        super().__init__()
        self.convs = nn.Sequential(
            nn.BatchNorm3d(channels),
            nn.ReLU(inplace=True),
            nn.MaxPool3d(3, 2, 1),
            nn.Conv3d(channels, hidden, 1, bias=False),
            nn.BatchNorm3d(hidden),
            nn.ReLU(inplace=True),
            nn.Conv3d(hidden, hidden, 3, padding=1, bias=False),
            nn.BatchNorm3d(hidden),
            nn.ReLU(inplace=True),
            nn.MaxPool3d(3, 2, 1),
            nn.Conv3d(hidden, hidden, 3, padding=1, bias=False),
            *([nn.BatchNorm3d(hidden)] if paper_map else []),
            nn.ReLU(inplace=True),
            *([nn.MaxPool3d(3, 2, 1)] if paper_map else []),
        )
        bins = paper_map or (2, 2, 2)
        self.pool = nn.AdaptiveMaxPool3d((bins[0], None, None) if paper_map else bins)
        linear = nn.Linear(hidden * bins[0] * bins[1] * bins[2], num_outputs)
        self.fc = nn.Sequential(linear) if paper_map else nn.Sequential(linear, nn.BatchNorm1d(num_outputs))

    def forward(self, x):
        return self.fc(self.pool(self.convs(x)).flatten(1))


def grid(centre, stride, count, half):
    return centre[:, None] + (torch.arange(count, device=centre.device) + half - count / 2) * stride[:, None]


def gaussian_rows(positions, variance, size):
    cells = torch.arange(size, device=positions.device)
    weights = torch.exp(-((positions[..., None] - cells) ** 2) / (2 * variance[:, None, None]))
    return weights / weights.sum(-1, keepdim=True).clamp(min=1e-8)


def linear_rows(positions, size):
    return F.relu(1 - (positions[..., None] - torch.arange(size, device=positions.device)).abs())


def cut_out(x, rows, columns, frames):
    """Sample the volume with one small matrix per axis, by batched products of the map as it lies in memory."""
    x = x @ columns[:, None, None].transpose(-1, -2)  # n c t h i
    x = rows[:, None, None] @ x  # n c t j i
    return (frames[:, None] @ x.flatten(3)).unflatten(3, x.shape[3:])  # n c l j i


class ReleaseSampler(nn.Module):
    """Gaussian on all three axes; one stride for height and width; rows that are not sampled are zero."""

    def __init__(self, part):
        super().__init__()
        (self.height, self.width, self.length), self.centre = part

    def forward(self, x, raw):
        _, _, t, h, w = x.shape
        dt, dx, dy, log_variance, log_stride_t, log_stride, gamma = raw.unbind(1)
        centre_x = torch.tanh(dx) * (self.width * w / 2) + self.centre[0] * w
        centre_y = torch.tanh(dy) * (self.height * h / 2) + self.centre[1] * h
        centre_t = torch.tanh(dt) * (t / 2) + self.centre[2] * t
        variance, stride = 0.1 * log_variance.exp(), self.width * log_stride.exp()
        num_rows = round(w * (self.height * h) / (self.width * w))
        rows = gaussian_rows(grid(centre_y, stride, num_rows, 0), variance, h)
        columns = gaussian_rows(grid(centre_x, stride, w, 0), variance, w)
        frames = gaussian_rows(grid(centre_t, self.length * log_stride_t.exp(), t, 0), variance, t)
        volume = cut_out(x, rows, columns, frames) * torch.sigmoid(gamma)[:, None, None, None, None]
        above = (h - num_rows) // 2
        return F.pad(volume, (0, 0, above, h - num_rows - above))


class PaperSampler(nn.Module):
    """Gaussian in space, linear in time; a stride for every axis."""

    def __init__(self, part):
        super().__init__()
        (self.height, self.width, self.length), self.centre = part

    def forward(self, x, raw):
        _, _, t, h, w = x.shape
        dx, dy, dt, log_stride_x, log_stride_y, log_stride_t, log_variance, gamma = raw.unbind(1)
        centre_x, centre_y, centre_t = (
            torch.tanh(offset) * (size / 2) + centre * size - 0.5
            for offset, centre, size in zip((dx, dy, dt), self.centre, (w, h, t))
        )
        stride_x, stride_y, stride_t, spread = (
            torch.exp(8 * torch.tanh(raw / 8)) for raw in (log_stride_x, log_stride_y, log_stride_t, log_variance)
        )
        variance = 0.1 * spread
        rows = gaussian_rows(grid(centre_y, self.height * stride_y, h, 0.5), variance, h)
        columns = gaussian_rows(grid(centre_x, self.width * stride_x, w, 0.5), variance, w)
        frames = linear_rows(grid(centre_t, self.length * stride_t, t, 0.5), t)
        return cut_out(x, rows, columns, frames) * torch.sigmoid(gamma)[:, None, None, None, None]


class FeatureExtraction(nn.Module):
    def __init__(self, inputs, outputs, num_convolutions):
        super().__init__()
        for number in range(1, num_convolutions + 1):
            setattr(
                self, f"conv{number}", nn.Conv3d(inputs if number == 1 else outputs, outputs, 3, padding=1, bias=False)
            )

    def forward(self, x):
        for convolution in self.children():
            x = F.relu(convolution(x), inplace=True)
        return x


class LocalPath(nn.Module):
    def __init__(self, localization, sampler, feature_extraction):
        super().__init__()
        self.localization, self.sampler, self.feature_extraction = localization, sampler, feature_extraction

    def forward(self, block_input, block_output):
        return self.feature_extraction(self.sampler(block_input, self.localization(block_output.detach())))


class LocalPaths(nn.Module):
    """All parts and their fusion with the global path."""

    def __init__(self, paths, channels, part_channels):
        super().__init__()
        self.names = list(paths)
        for name, path in paths.items():
            setattr(self, name, path)
        joined = channels + len(paths) * part_channels
        self.feature_fusion = nn.Sequential(nn.Conv3d(joined, channels, 1, bias=False), nn.ReLU(inplace=True))

    def forward(self, block_input, block_output):
        parts = [getattr(self, name)(block_input, block_output) for name in self.names]
        return self.feature_fusion(torch.cat([block_output, *parts], 1))


def release_paths(inputs, channels):
    paths = {
        name: LocalPath(
            Localization(channels, channels // 2), ReleaseSampler(part), FeatureExtraction(inputs, channels // 2, 2)
        )
        for name, part in RELEASE_PARTS.items()
    }
    return LocalPaths(paths, channels, channels // 2)


def paper_paths(inputs, channels, height, width, clip_length=30):
    for _ in range(3):
        height, width = (height + 1) // 2, (width + 1) // 2
    bins = (-(-clip_length // 8), height, width)
    paths = {
        name: LocalPath(
            Localization(channels, channels // 4, 8, bins),
            PaperSampler(part),
            FeatureExtraction(inputs, channels // 2, 1),
        )
        for name, part in PAPER_PARTS.items()
    }
    return LocalPaths(paths, channels, channels // 2)


def strips(x, num_strips=16):
    """Compute the mean plus the maximum of every horizontal strip: n c t h w -> n c t p."""
    x = x.unflatten(3, (num_strips, -1)).flatten(4)
    return x.mean(-1) + x.amax(-1)


class MicroMotion(nn.Module):
    def __init__(self, channels, num_strips, window, second_kernel, bias, activation):
        super().__init__()
        all_channels, hidden = num_strips * channels, num_strips * (channels // 4)
        self.conv1 = nn.Conv1d(all_channels, hidden, 3, padding=1, groups=num_strips, bias=bias)
        self.conv2 = nn.Conv1d(
            hidden, all_channels, second_kernel, padding=second_kernel // 2, groups=num_strips, bias=bias
        )
        self.window, self.activation = window, activation

    def forward(self, x):
        around = self.window // 2
        pooled = F.avg_pool1d(x, self.window, 1, around) + F.max_pool1d(x, self.window, 1, around)
        return pooled * torch.sigmoid(self.conv2(self.activation(self.conv1(x))))


class TemporalPool(nn.Module):
    def __init__(self, channels, num_strips=16, bias=True, activation=F.relu):
        super().__init__()
        self.num_strips = num_strips
        self.layer1 = MicroMotion(channels, num_strips, 3, 1, bias, activation)
        self.layer2 = MicroMotion(channels, num_strips, 5, 3, bias, activation)

    def forward(self, x):
        x = x.permute(0, 3, 1, 2).flatten(1, 2)  # n (p c) t
        return (self.layer1(x) + self.layer2(x)).amax(-1).unflatten(1, (self.num_strips, -1))  # n p c


class PartwiseLinear(nn.Module):
    def __init__(self, num_strips, inputs, outputs):
        super().__init__()
        self.fc = nn.Conv2d(num_strips * inputs, num_strips * outputs, 1, groups=num_strips, bias=False)
        self.num_strips = num_strips

    def forward(self, x):
        return self.fc(x.flatten(1)[..., None, None]).unflatten(1, (self.num_strips, -1))[..., 0, 0]


class ReleaseThreeDLocal(nn.Module):
    """The authors' code with its Gaussian sampler: local paths after block 3 only."""

    def __init__(self, channels=(32, 64, 128)):
        super().__init__()
        self.backbone = Backbone(channels)
        self.local = release_paths(channels[1], channels[2])
        self.temporal_pool = TemporalPool(channels[2])
        self.hpm = PartwiseLinear(16, channels[2], 256)

    def forward(self, silhouettes):
        features = self.hpm(self.temporal_pool(strips(self.local(*self.backbone(silhouettes)))))
        return {"part_features": features, "embedding": features}


class PaperThreeDLocal(nn.Module):
    """The paper: local paths after all three blocks, and the compact block with its classifier."""

    def __init__(self, channels=(32, 64, 128), num_classes=74, size=(64, 44), clip_length=30, dropout=0.9):
        super().__init__()
        self.convolutions, self.local = nn.ModuleList(), nn.ModuleList()
        inputs = 1
        for block, outputs in enumerate(channels):
            first = FrameConvolution(inputs, outputs, 3 if block else 5)
            self.convolutions.append(nn.Sequential(first, FrameConvolution(outputs, outputs, 3)))
            self.local.append(paper_paths(inputs, outputs, size[0] >> block, size[1] >> block, clip_length))
            inputs = outputs
        self.temporal_pool = TemporalPool(channels[2], bias=False, activation=F.leaky_relu)
        self.hpm = PartwiseLinear(16, channels[2], 256)
        self.compact = nn.Sequential(
            nn.BatchNorm1d(16 * 256),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(16 * 256, 256, bias=False),
            nn.BatchNorm1d(256),
        )
        self.classifier = nn.Linear(256, num_classes, bias=False)

    def forward(self, silhouettes):
        n, t = silhouettes.shape[:2]
        x = silhouettes.unsqueeze(1)  # n 1 t h w
        for block, (convolutions, local) in enumerate(zip(self.convolutions, self.local)):
            frames = convolutions(x.transpose(1, 2).flatten(0, 1))  # (n t) c h w
            x = local(x, by_walk(frames, n, t))
            if block < 2:
                x = F.max_pool3d(x, (1, 2, 2))
        features = self.hpm(self.temporal_pool(strips(x)))
        compact = self.compact(features.flatten(1))
        return {"part_features": features, "embedding": compact, "logits": self.classifier(compact)}


PRESETS = {"release": ReleaseThreeDLocal, "paper": PaperThreeDLocal}


def training_step(walks=8, frames=30, preset="release"):
    return training_step_of(PRESETS[preset](), walks, frames)


def inference(walks=8, frames=30, preset="release"):
    return inference_of(PRESETS[preset](), walks, frames)
