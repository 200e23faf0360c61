"""What each part costs, in its equal forms, against the same in plain PyTorch.

    python benchmarks/parts.py [TABLE ...] [--quick] [--rounds N] [--threads N] [--json FILE] [--out [DIR]]

Sizes are those of the release's block 3 at 8 walks of 30 frames: maps of 16 x 11 with 64 or 128 channels; pooling is that of
block 1, the convolution of every frame that of block 2, and the triplet loss has 8 x 16 walks and 16 parts. Gradients are
by inputs and weights. "XLA" rows are compiled for one length. All is computed on the CPU, on a machine with a GPU too.
"""

from _tables import TWINS, chosen, keep, options_of, show, stay_on_the_cpu

from tf3dlocal.benchmark import Alternative, side_by_side

CONVOLUTIONS = [("reference", False), ("stacked", False), ("stacked", True), ("minimal", True)]
POOLINGS = [("reference", False), ("reference", True), ("sliced", False), ("sliced", True)]
ONE_FORM = [("auto", False), ("auto", True)]
HERE = TWINS.parent

# table: (title, part, with gradient, forms and whether they are compiled, other parts that stand beside it)
TABLES = {
    "convolution-forward": ("convolution 3x3x3, 64 to 64 channels, forward", "convolution", False, CONVOLUTIONS, ()),
    "convolution": ("convolution 3x3x3, 64 to 64 channels, with gradient", "convolution", True, CONVOLUTIONS, ()),
    "frame-convolution": (
        "convolution 3x3 of every frame, 64 to 64, with gradient",
        "frame-convolution",
        True,
        CONVOLUTIONS,
        (),
    ),
    "pooling": ("2x2 max pooling of every frame, 64 x 44, 32 channels, with gradient", "pooling", True, POOLINGS, ()),
    "halving-pooling": ("3x3x3 max pooling by two, with gradient", "halving-pooling", True, POOLINGS, ()),
    "samplers": ("samplers, with gradient", "gaussian", True, ONE_FORM, ("mixture", "trilinear")),
    "localization": (
        "six localization networks on one map, with gradient",
        "localization",
        True,
        [("auto", False), ("stacked", False), ("auto", True)],
        (),
    ),
    "micro-motion": ("micro-motion pooling, 16 parts, with gradient", "micro-motion", True, ONE_FORM, ()),
    "triplets": (
        "batch-all triplet loss, 8 x 16 walks, 16 parts, with gradient",
        "triplets",
        True,
        [("masks", False), ("auto", False), ("auto", True)],
        (),
    ),
    "horizontal": ("horizontal pooling, 16 strips, with gradient", "horizontal", True, ONE_FORM, ()),
}
QUICK = ["convolution", "pooling", "triplets"]


def alternatives(part, backward, forms, others, walks, frames):
    """The PyTorch twin, and ours in every form."""
    size = {"walks": walks, "frames": frames, "backward": backward}
    for name in (part, *others):
        label = "PyTorch" if not others else f"{name}, PyTorch"
        if name != "trilinear":  # the twins have none
            yield Alternative(label, f"{TWINS / 'parts.py'}:part", {"name": name, **size})
        for form, compiled in forms:
            label = (f"{name}" if others else form) + (", XLA" if compiled else "")
            arguments = {"name": name, "form": form, "compiled": compiled, **size}
            yield Alternative(label, f"{HERE / '_parts.py'}:part", arguments)


def main():
    parser = options_of(__doc__, TABLES)
    options = parser.parse_args()
    walks, frames, rounds = (2, 8, 3) if options.quick else (8, 30, 5)
    if options.quick and not options.tables:
        options.tables = QUICK
    device, results = stay_on_the_cpu(), []
    for name in chosen(parser, options, TABLES):
        title, part, backward, forms, others = TABLES[name]
        result = side_by_side(
            alternatives(part, backward, forms, others, walks, frames),
            options.rounds or rounds,
            title,
            least_seconds=0.05 if options.quick else 0.2,
            threads=options.threads,
            pause=0.1,
            limit_seconds=None if options.rounds else 15,
            conditions={"walks": walks, "frames": frames, "precision": "float32", **device},
        )
        show(result)
        results.append(result)
    keep("parts", __doc__, results, options)


if __name__ == "__main__":
    main()
