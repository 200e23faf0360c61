"""Measure each part of the models, compared with the same part in plain PyTorch.

    python benchmarks/parts.py [TABLE ...] [--quick] [--rounds N] [--threads N] [--json FILE] [--out [DIR]]

Sizes are those of the release's block 3 at 8 walks of 30 frames: maps of 16 x 11 with 64 or 128 channels. Max pooling
has the size of block 1, the per-frame convolution that of block 2, and the triplet loss has 8 x 16 walks and 16
strips. Gradients are with respect to inputs and weights. "XLA" rows are compiled for one length. Everything is
computed on the CPU, even if there is a GPU.
"""

from measuring import Alternative, side_by_side
from measuring.processes import BENCHMARKS
from measuring.scripts import TWINS, chosen, keep, options_of, show, stay_on_the_cpu

# table: (title, parts, with gradient); the parts are rows of one table, each next to its PyTorch twin
TABLES = {
    "convolution-forward": ("convolution 3x3x3, 64 to 64 channels, forward", ["convolution"], False),
    "convolution": ("convolution 3x3x3, 64 to 64 channels, with gradient", ["convolution"], True),
    "frame-convolution": ("convolution 3x3 of every frame, 64 to 64, with gradient", ["frame-convolution"], True),
    "pooling": ("2x2 max pooling of every frame, 64 x 44, 32 channels, with gradient", ["pooling"], True),
    "halving-pooling": ("3x3x3 max pooling by two, with gradient", ["halving-pooling"], True),
    "samplers": ("samplers, with gradient", ["gaussian", "mixture", "trilinear"], True),
    "localization": ("six localization networks on one map, with gradient", ["localization"], True),
    "micro-motion": ("micro-motion pooling, 16 strips, with gradient", ["micro-motion"], True),
    "triplets": ("batch-all triplet loss, 8 x 16 walks, 16 strips, with gradient", ["triplets"], True),
    "horizontal": ("horizontal pooling, 16 strips, with gradient", ["horizontal"], True),
}
QUICK = ["convolution", "pooling", "triplets"]
WITHOUT_TWIN = {"trilinear"}


def alternatives(parts, *, backward, walks, frames):
    """Yield the PyTorch twin of every part, and the part without and with XLA."""
    for name in parts:
        prefix = f"{name}, " if len(parts) > 1 else ""
        arguments = {"name": name, "walks": walks, "frames": frames, "backward": backward}
        if name not in WITHOUT_TWIN:
            yield Alternative(f"{prefix}PyTorch", function=f"{TWINS / 'parts.py'}:part", arguments=arguments)
        for label, compiled in (("tf3dlocal", False), ("tf3dlocal, XLA", True)):
            own = {**arguments, "compiled": compiled}
            yield Alternative(prefix + label, function=f"{BENCHMARKS / '_parts.py'}:part", arguments=own)


def main():
    parser = options_of(__doc__, choices=TABLES)
    options = parser.parse_args()
    walks, frames, rounds = (2, 8, 3) if options.quick else (8, 30, 5)
    if options.quick and not options.tables:
        options.tables = QUICK
    device, results = stay_on_the_cpu(), []
    for name in chosen(parser, options=options, tables=TABLES):
        title, parts, backward = TABLES[name]
        result = side_by_side(
            alternatives(parts, backward=backward, walks=walks, frames=frames),
            title=title,
            rounds=options.rounds or rounds,
            least_seconds=0.05 if options.quick else 0.2,
            threads=options.threads,
            pause=0.1,
            limit_seconds=None if options.rounds else 15,
            conditions={"walks": walks, "frames": frames, "precision": "float32", **device},
        )
        show(result)
        results.append(result)
    keep("parts", description=__doc__, results=results, options=options)


if __name__ == "__main__":
    main()
