"""GaitSet of the 3DLocal authors' release and of OpenGait, key by key."""

from tf3dlocal.pytorch_weights.mapping import FRAME_KERNEL, Row, Table, first, grouped_matrices, known, sizes


def _release_rows(model):
    """Yield the rows of the release: two linear maps, one per half of the strips."""
    for index in range(6):
        place = f"block_{index // 2 + 1}_convolution_{index % 2 + 1}.kernel"
        yield Row(f"set_layer{index + 1}.forward_block.conv.weight", place, FRAME_KERNEL)
    for index in range(4):
        place = f"global_{index // 2 + 2}_convolution_{index % 2 + 1}.kernel"
        yield Row(f"gl_layer{index + 1}.conv.weight", place, FRAME_KERNEL)
    half = model.get_layer("part_features").kernel.shape[0] // 2
    yield Row("gl_hpm.fc.weight", f"part_features.kernel[:{half}]", grouped_matrices(half))
    yield Row("x_hpm.fc.weight", f"part_features.kernel[{half}:]", grouped_matrices(half))


def _opengait_rows(model):
    """Yield the rows of OpenGait: its layers 0 and 2 are the convolutions, with a LeakyReLU between them."""
    for block in (1, 2, 3):
        for number in (1, 2):
            layer, name = 2 * (number - 1), f"{block}_convolution_{number}.kernel"
            yield Row(f"set_block{block}.forward_block.{layer}.conv.weight", f"block_{name}", FRAME_KERNEL)
            if block > 1:
                yield Row(f"gl_block{block}.{layer}.conv.weight", f"global_{name}", FRAME_KERNEL)
    yield Row("Head.fc_bin", "part_features.kernel")


def _release_arguments(shapes):
    return known(
        channels=sizes(shapes, *(f"set_layer{layer}.forward_block.conv.weight" for layer in (1, 3, 5))),
        embedding_channels=first(size // 31 for size in sizes(shapes, "gl_hpm.fc.weight")),
    )


def _opengait_arguments(shapes):
    return known(
        channels=sizes(shapes, *(f"set_block{block}.forward_block.0.conv.weight" for block in (1, 2, 3))),
        embedding_channels=first(sizes(shapes, "Head.fc_bin", axis=2)),
    )


def _strip_order(model):
    """Return the order of the strips: (the half that comes first, whether the bins of the pyramid ascend)."""
    first_half = model.get_layer("parts").input[0]
    pyramid = next(layer for layer in model.layers if layer.output is first_half)
    bins = list(pyramid.bins)
    return pyramid.name.removesuffix("_pyramid"), bins == sorted(bins)


def _release_differences(model):
    if _strip_order(model) != ("global", True):
        yield 'the release has the global half first and bins 1 to 16: preset="paper"'


def _opengait_differences(model):
    if _strip_order(model) != ("frame", False):
        yield 'OpenGait has the frame half first and bins 16 to 1: preset="opengait"'


RELEASE = Table(
    source="release",
    model="gaitset",
    preset="paper",
    mark="gl_hpm.fc.weight",
    rows=_release_rows,
    arguments_of=_release_arguments,
    differences=_release_differences,
)
OPENGAIT = Table(
    source="opengait",
    model="gaitset",
    preset="opengait",
    mark="gl_block2.0.conv.weight",
    rows=_opengait_rows,
    arguments_of=_opengait_arguments,
    differences=_opengait_differences,
)
