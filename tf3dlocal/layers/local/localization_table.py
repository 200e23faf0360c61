"""The rows of supplement Table 1, read from a built localization network."""

from collections.abc import Sequence
from typing import NamedTuple

from keras import ops

from tf3dlocal.layers.local.localization_network import LocalizationNetwork
from tf3dlocal.layers.local.map_statistics import map_statistics

Triple = tuple[int, int, int]


class LayerRow(NamedTuple):
    """One row of supplement Table 1; triples are (frames, height, width), None where a row has no such number.

    Attributes:
        layer: Name, as in the supplement.
        kernel: Size of the kernel.
        stride: Of the kernel.
        pad: Cells that are added on each side.
        filters: Number of filters.
        output: Shape of the result without the batch: (frames, height, width, channels) or (numbers,).
        parameters: Number of weights, those of the batch normalization that follows included.
    """

    layer: str
    kernel: Triple | None
    stride: Triple | None
    pad: Triple | None
    filters: int | None
    output: tuple[int, ...]
    parameters: int


def localization_rows(network: LocalizationNetwork, *, volume_shape: Sequence[int]) -> list[LayerRow]:
    """Run a localization network once, layer by layer, and note the shapes of what comes out.

    Args:
        network: built.
        volume_shape: (frames, height, width, channels) of the map that it reads.

    Returns:
        The rows of supplement Table 1. "Time bins" is a row that the supplement lacks: the maximum that lets any number
        of frames fit into Fc6.

    Example:
        >>> network = LocalizationNetwork(8)
        >>> network.build((None, 30, 16, 11, 32))
        >>> for row in localization_rows(network, volume_shape=(30, 16, 11, 32))[:3]:
        ...     print(row.layer, row.output)
        Input (30, 16, 11, 32)
        Pool0 (15, 8, 6, 32)
        Conv1 (15, 8, 6, 8)
    """
    nothing = {"kernel": None, "stride": None, "pad": None, "filters": None}
    rows = [LayerRow(layer="Input", **nothing, output=tuple(volume_shape), parameters=0)]
    x = map_statistics(ops.zeros((1, *volume_shape), network.compute_dtype), halve_frames=not network.per_frame)
    for name, stage in network.stages(training=False):
        x = stage(x)
        output = tuple(int(size) for size in x.shape[1:])
        numbers = dict(zip(nothing, _numbers(network, name), strict=True))
        parameters = _parameters(network, name)
        rows.append(LayerRow(layer=name[0].upper() + name[1:], **numbers, output=output, parameters=parameters))
    return rows


def _numbers(network, name):
    """Kernel, stride, pad and filters of a row."""
    time = 1 if network.per_frame else 3
    halved = (time, 3, 3), (2 if time == 3 else 1, 2, 2), (time // 2, 1, 1), None
    if name.startswith("conv"):
        convolution = getattr(network, name)
        kernel = convolution.kernel_size
        return kernel, (1, 1, 1), tuple(size // 2 for size in kernel), convolution.filters
    if name in ("pool0", "pool3") or (name == "pool5" and network.geometry == "paper"):
        return halved
    return None, None, None, network.num_outputs if name == "fc6" else None


def _parameters(network, name):
    norms = {"conv1": "norm1", "conv2": "norm2", "conv4": "norm4", "fc6": "output_norm"}
    layers = [getattr(network, name, None), getattr(network, norms.get(name, ""), None)]
    return sum(layer.count_params() for layer in layers if layer is not None)
