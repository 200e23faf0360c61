"""The release's trilinear sampler is PyTorch's `grid_sample` at normalized positions; this project's equals it."""

import numpy as np
import pytest
import torch

from tf3dlocal.layers import Location, TrilinearSampler3D


def sampled_by_grid_sample(volume, location, num_rows):
    """Sample one volume [t, y, x, c] at positions divided by (size - 1), corners not aligned, zeros outside."""
    place, sizes = Location(*location), volume.shape[:3]
    counts = (sizes[0], num_rows, sizes[2])
    axes = []
    for center, stride, count, size in zip(
        (place.center_t, place.center_y, place.center_x),
        (place.stride_t, place.stride_y, place.stride_x),
        counts,
        sizes,
    ):
        positions = center + (np.arange(count) - count / 2) * stride
        axes.append(2 * positions / (size - 1) - 1)
    t, y, x = np.meshgrid(*axes, indexing="ij")
    grid = torch.from_numpy(np.stack([x, y, t], axis=-1))[None]  # PyTorch names the last axis of the volume first
    sampled = torch.nn.functional.grid_sample(
        torch.from_numpy(volume.transpose(3, 0, 1, 2))[None],
        grid,
        mode="bilinear",
        padding_mode="zeros",
        align_corners=False,
    )
    rows = place.confidence * sampled[0].numpy().transpose(1, 2, 3, 0)
    above = (sizes[1] - num_rows) // 2
    return np.pad(rows, ((0, 0), (above, sizes[1] - num_rows - above), (0, 0), (0, 0)))


@pytest.mark.parametrize("num_rows", [6, 9, 16])
def test_it_reads_what_grid_sample_reads_at_the_releases_places(num_rows):
    rng = np.random.default_rng(0)
    volume = rng.normal(size=(3, 12, 16, 11, 4))
    locations = np.stack(
        [
            Location(
                *(
                    rng.uniform(low, high)
                    for low, high in (
                        (0, 11),
                        (0, 16),
                        (0, 12),
                        (0.2, 1.5),
                        (0.2, 1.5),
                        (0.2, 1.0),
                        (0.05, 0.3),
                        (0.2, 0.9),
                    )
                )
            ).stack()
            for _ in range(3)
        ]
    )
    sampler = TrilinearSampler3D(num_rows=num_rows, geometry="release")
    found = sampler(volume.astype("float32"), locations.astype("float32")).numpy()
    for own, clip, location in zip(found, volume, locations, strict=True):
        # Places of up to sixteen cells in float32, and values of order one.
        np.testing.assert_allclose(own, sampled_by_grid_sample(clip, location, num_rows), rtol=0, atol=2e-5)
