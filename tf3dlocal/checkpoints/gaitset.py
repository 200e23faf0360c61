"""GaitSet of the 3DLocal authors' release and of OpenGait, key by key."""

from tf3dlocal.checkpoints.changes import FRAME_KERNEL, grouped_matrices
from tf3dlocal.checkpoints.table import Row, Table, first, known, sizes


def release_rows(model):
    for index in range(6):
        place = f"block_{index // 2 + 1}_convolution_{index % 2 + 1}.kernel"
        yield Row(f"set_layer{index + 1}.forward_block.conv.weight", place, FRAME_KERNEL)
    for index in range(4):
        place = f"global_{index // 2 + 2}_convolution_{index % 2 + 1}.kernel"
        yield Row(f"gl_layer{index + 1}.conv.weight", place, FRAME_KERNEL)
    half = model.get_layer("part_features").kernel.shape[0] // 2
    yield Row("gl_hpm.fc.weight", f"part_features.kernel[:{half}]", grouped_matrices(half))
    yield Row("x_hpm.fc.weight", f"part_features.kernel[{half}:]", grouped_matrices(half))


def opengait_rows(model):
    for block in (1, 2, 3):
        for number in (1, 2):  # their layers 0 and 2: a LeakyReLU stands between
            layer = 2 * (number - 1)
            yield Row(
                f"set_block{block}.forward_block.{layer}.conv.weight",
                f"block_{block}_convolution_{number}.kernel",
                FRAME_KERNEL,
            )
            if block > 1:
                yield Row(
                    f"gl_block{block}.{layer}.conv.weight", f"global_{block}_convolution_{number}.kernel", FRAME_KERNEL
                )
    yield Row("Head.fc_bin", "part_features.kernel")


def release_arguments(shapes):
    return known(
        channels=sizes(shapes, *(f"set_layer{layer}.forward_block.conv.weight" for layer in (1, 3, 5))),
        embedding_channels=first(size // 31 for size in sizes(shapes, "gl_hpm.fc.weight")),
    )


def opengait_arguments(shapes):
    return known(
        channels=sizes(shapes, *(f"set_block{block}.forward_block.0.conv.weight" for block in (1, 2, 3))),
        embedding_channels=first(sizes(shapes, "Head.fc_bin", axis=2)),
    )


def part_order(model):
    """The order of the parts: (which half comes first, whether the pyramid's bins ascend)."""
    first_half = model.get_layer("parts").input[0]
    pyramid = next(layer for layer in model.layers if layer.output is first_half)
    bins = list(pyramid.bins)
    return pyramid.name.removesuffix("_pyramid"), bins == sorted(bins)


def release_differences(model):
    if part_order(model) != ("global", True):
        yield 'the release has the global half first and bins 1 to 16: preset="paper"'


def opengait_differences(model):
    if part_order(model) != ("frame", False):
        yield 'OpenGait has the frame half first and bins 16 to 1: preset="opengait"'


RELEASE = Table("release", "gaitset", "paper", "gl_hpm.fc.weight", release_rows, release_arguments, release_differences)
OPENGAIT = Table(
    "opengait",
    "gaitset",
    "opengait",
    "gl_block2.0.conv.weight",
    opengait_rows,
    opengait_arguments,
    opengait_differences,
)
