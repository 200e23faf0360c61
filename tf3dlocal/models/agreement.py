"""Arguments of a builder that fit alone and not together: strips against the map, a classifier against the head.

Each function below yields one sentence per contradiction. It takes the arguments with defaults and preset filled in,
and `called`, which gives the name of an argument as the user wrote it ("num_strips" or "model.arguments.num_strips").
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import SimpleNamespace

from tf3dlocal.layers import PartPrior

Named = Callable[[str], str]


def three_d_local(a: SimpleNamespace, called: Named) -> Iterator[str]:
    """Yield the contradictions of `ThreeDLocal`."""
    height = a.input_shape[1]
    heights = {1: height, 2: height // 2, 3: height // 4}
    yield from _divide(a, called, argument="num_strips", counts=[a.num_strips], rows=heights[3], where="the last map")
    if a.global_path == "focal":
        yield from _focal(a, called, argument="global_path", strips=(1, 4, 8))
    if a.per_frame and a.geometry == "release":
        yield f'{called("per_frame")} is true and needs {called("geometry")} to be "paper"; got "release".'
    for block in sorted(a.local_blocks if a.part_strips else ()):
        options = dict(argument="part_strips", rows=heights[block], where=f"block {block}", halvings=block - 1)
        yield from _divide(a, called, counts=[a.part_strips], **options)
    if a.prior_distances and not a.local_blocks:
        asks = f"{called('prior_distances')} requires the distances of the parts from their priors"
        yield f"{asks}, and {called('local_blocks')} is empty: there are no parts."
    if a.part_strips and not a.local_blocks and a.preset != "recommended":  # there: the global path of the preset
        adds = f"{called('part_strips')} adds features of every part to the embedding"
        yield f"{adds}, and {called('local_blocks')} is empty: there are no parts."
    if not a.fusion and not a.part_strips and a.local_blocks:
        yield (
            f"{called('fusion')} is false and {called('part_strips')} is 0, so that no output reads the parts. Set "
            f"{called('fusion')} to true, {called('part_strips')} to 1 or more, or {called('local_blocks')} to [] for "
            "the global path alone."
        )
    if not a.fusion and a.fusion_start != "random":
        yield f"{called('fusion_start')} is {a.fusion_start!r}, and {called('fusion')} is false: nothing starts."
    if not a.fusion and a.path_dropout:
        yield (
            f"{called('path_dropout')} is {a.path_dropout} and leaves parts out of the fusion, and {called('fusion')} "
            f"is false: every part is compared. Set {called('path_dropout')} to 0, or {called('fusion')} to true."
        )
    if a.geometry == "release":
        yield from _release_rows(a, called, heights={block: heights[block] for block in sorted(a.local_blocks)})
    yield from classifier(a, called)


def gaitset(a: SimpleNamespace, called: Named) -> Iterator[str]:
    """Yield the contradictions of `GaitSet`."""
    rows = a.input_shape[1] // 4
    yield from _divide(a, called, argument="bins", counts=a.bins, rows=rows, where="the last map")
    yield from classifier(a, called)


def gaitpart(a: SimpleNamespace, called: Named) -> Iterator[str]:
    """Yield the contradictions of `GaitPart`."""
    strips = a.strips if a.strips is not None else a.strips_by_blocks[len(a.channels)]
    if len(strips) != len(a.channels):
        yield (
            f"{called('strips')} must have one number per block, as {called('channels')} has: {len(a.channels)}; got "
            f"{list(strips)}."
        )
    else:
        yield from _focal(a, called, argument="strips", strips=strips)
    rows = a.input_shape[1] // 4
    yield from _divide(a, called, argument="num_strips", counts=[a.num_strips], rows=rows, where="the last map")
    yield from classifier(a, called)


def gln(a: SimpleNamespace, called: Named) -> Iterator[str]:
    """Yield the contradictions of `GLN`."""
    if a.input_shape[1] % 4 or a.input_shape[2] % 4:
        yield (
            f"GLN halves its maps twice and doubles them again, so {called('input_shape')} needs a height and a width "
            f"that are divisible by 4; got {_size(a)} pixels."
        )
    rows = a.input_shape[1] // 4
    yield from _divide(a, called, argument="bins", counts=a.bins, rows=rows, where="the coarsest map")
    if a.compact_channels and a.num_classes is None and a.compare_by == "parts":
        yield (
            f"{called('compact_channels')} is {a.compact_channels} without a classifier: walks are compared by the "
            f"part features in this preset, so no output reads the compact block. Give {called('num_classes')} for the "
            f"classifier, or set {called('compact_channels')} to 0."
        )
    yield from classifier(a, called)


def mt3d(a: SimpleNamespace, called: Named) -> Iterator[str]:
    """Yield the contradictions of `MT3D`."""
    options = dict(argument="num_strips", counts=[a.num_strips], where="the last maps", halvings=1)
    yield from _divide(a, called, rows=a.input_shape[1] // 2, **options)
    yield from classifier(a, called)


def classifier(a: SimpleNamespace, called: Named) -> Iterator[str]:
    """Yield a sentence on a classifier without the compact block that it reads."""
    if a.num_classes is not None and not a.compact_channels:
        yield (
            f"{called('num_classes')} adds a classifier for {a.num_classes} subjects, which reads the embedding of the "
            f"compact block, and {called('compact_channels')} is 0 here. Set {called('compact_channels')} (256 in the "
            f"papers of GLN and 3DLocal), or leave {called('num_classes')} out."
        )


def _divide(
    a: SimpleNamespace,
    called: Named,
    *,
    argument: str,
    counts: Sequence[int],
    rows: int,
    where: str,
    halvings: int = 2,
) -> Iterator[str]:
    """Yield a sentence if numbers of strips do not divide the rows of a map."""
    if not [count for count in counts if rows % count]:
        return
    value = list(counts) if len(counts) > 1 or argument == "bins" else counts[0]
    divisors = [str(count) for count in range(1, rows + 1) if rows % count == 0]
    use = f"Use one of {', '.join(divisors)}" if rows > 1 else "Use 1"
    height = 2**halvings * math.lcm(*map(int, counts))
    taller = f", or set {called('input_shape')} to a height that is a multiple of {height}" if height <= 1024 else ""
    yield (
        f"{called(argument)} is {value} and must divide the {rows} row{'s' * (rows > 1)} of {where}, which silhouettes "
        f"of {_size(a)} pixels ({called('input_shape')}) have. {use}{taller}."
    )


def _focal(a: SimpleNamespace, called: Named, *, argument: str, strips: Sequence[int]) -> Iterator[str]:
    """Yield a sentence if the strips of focal convolutions do not divide the maps of their blocks."""
    height = a.input_shape[1]
    rows = [height // 2 ** min(block, 2) for block in range(len(strips))]
    if any(have % count for have, count in zip(rows, strips, strict=True)):
        set_to = "" if getattr(a, argument) is None else f" is {_listed(getattr(a, argument))}, and it"
        multiple = math.lcm(*(count * 2 ** min(block, 2) for block, count in enumerate(map(int, strips))))
        taller = f" Use a height that is a multiple of {multiple}, or other strips." if multiple <= 4096 else ""
        yield (
            f"{called(argument)}{set_to} cuts the maps of the blocks into {list(map(int, strips))} strips, which must "
            f"divide their rows: silhouettes of {_size(a)} pixels ({called('input_shape')}) have {rows}.{taller}"
        )


def _release_rows(a: SimpleNamespace, called: Named, *, heights: Mapping[int, int]) -> Iterator[str]:
    """Yield a sentence for each part that has no place on the release's grid, as `LocalPath` computes it."""
    for part in map(PartPrior.of, a.parts):
        for block, rows in heights.items():
            width = a.input_shape[2] // 2 ** (block - 1)
            sampled = round(width * (part.height * rows) / (part.width * width))
            if not 1 <= sampled <= rows:
                yield (
                    f"{called('parts')}: the part {part.name!r} is too {'tall' if sampled else 'flat'} for its width "
                    f'where {called("geometry")} is "release", which would sample {sampled} of the {rows} rows of '
                    f"block {block}. Change its height or its width, or use the parts of the preset release."
                )
                break


def _size(a: SimpleNamespace) -> str:
    return f"{a.input_shape[1]} x {a.input_shape[2]}"


def _listed(value: object) -> str:
    return repr(value if isinstance(value, str) else list(map(int, value)))
