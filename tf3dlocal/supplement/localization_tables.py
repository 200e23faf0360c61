"""Supplement Tables 1 and 3 of a run: its localization network layer by layer, and its priors."""

import fractions
from collections.abc import Iterator

from tf3dlocal.io import check_whole, near_names
from tf3dlocal.io.types import PathLike
from tf3dlocal.layers import PAPER_PARTS, LocalPath, PartPrior, localization_rows
from tf3dlocal.supplement.sources import Source
from tf3dlocal.supplement.supplement_table import SupplementTable

LARGEST_DENOMINATOR = 32
MOST_FRAMES = 1000  # in table 1, whose layers are run once; a walk of CASIA-B has about 80
COLUMNS = {"height": "p_H", "width": "p_W", "length": "p_T", "center_x": "c_x", "center_y": "c_y", "center_t": "c_t"}


def table_1(run: PathLike, *, block: str | None = None, frames: int | None = None) -> SupplementTable:
    """Make supplement Table 1 from the built layer: the localization network of a run, with its real shapes.

    Args:
        run: Run folder or .keras file of a model with local paths.
        block: Such as "block_3"; by default the last one with local paths.
        frames: Number of frames; by default those of a training clip.

    Raises:
        ValueError: The model has no local paths, in this block or at all, or `frames` is no whole number from 1
            to 1,000.
    """
    source = Source.of(run)
    block, path = next(_paths(source, block=block))
    config = source.config or {"data": {"clip_length": 30}}
    frames = config["data"]["clip_length"] if frames is None else frames
    check_whole(frames, name="frames", least=1, most=MOST_FRAMES)
    _, global_map, *_ = path.input
    shape = (frames, *global_map.shape[2:])
    rows = localization_rows(path.localization, volume_shape=shape)
    norms = "BN and ReLU follow the input and every convolution"
    if path.geometry == "release":
        norms += ", but no BN follows Conv4; Pool5 is a maximum over 2 x 2 x 2 bins"
    notes = [f"Output: frames x height x width x channels. {norms}. The parameters of a row include its BN."]
    if any(row.layer == "Time bins" for row in rows):
        notes.append(
            "Time bins, which the supplement lacks: a maximum over as many bins as a training clip leaves frames, so "
            "that walks of any length fit into Fc6."
        )
    return SupplementTable(
        title=f"Supplement Table 1: localization network of {block} of {source.name}",
        header=["Layer", "Kernel", "Stride", "Pad", "Filters", "Output", "Parameters"],
        rows=[
            [
                row.layer,
                *(_cells(each) for each in (row.kernel, row.stride, row.pad)),
                "-" if row.filters is None else str(row.filters),
                " x ".join(map(str, row.output)),
                f"{row.parameters:,}" if row.parameters else "-",
            ]
            for row in rows
        ],
        values=[{name: list(v) if isinstance(v, tuple) else v for name, v in row._asdict().items()} for row in rows],
        notes=notes,
    )


def table_3(run: PathLike, *, block: str | None = None) -> SupplementTable:
    """Make supplement Table 3: the priors that the parts of a run start from.

    Args:
        run: Run folder or .keras file of a model with local paths.
        block: Such as "block_3"; by default the last one with local paths.

    Raises:
        ValueError: The model has no local paths, in this block or at all.
    """
    source = Source.of(run)
    found = list(_paths(source, block=block))
    priors = [path.prior for _, path in found]
    return SupplementTable(
        title=f"Supplement Table 3: priors of {found[0][0]} of {source.name}, as shares of the map",
        header=["Path", *COLUMNS.values()],
        rows=[
            [prior.name.replace("_", " "), *(as_fraction(getattr(prior, name)) for name in COLUMNS)] for prior in priors
        ],
        values=[{"path": prior.name, **{name: getattr(prior, name) for name in COLUMNS}} for prior in priors],
        notes=list(_differences(priors)),
    )


def _paths(source: Source, *, block: str | None) -> Iterator[tuple[str, LocalPath]]:
    """Yield the local paths of a block, each with the block's name."""
    paths = [layer for layer in source.model_with_parts().layers if isinstance(layer, LocalPath)]
    by_block = {}
    for path in paths:
        by_block.setdefault(path.name.removesuffix(f"_{path.prior.name}"), []).append(path)
    block = list(by_block)[-1] if block is None else block
    if block not in by_block:
        raise ValueError(f"The model of {source.path} has no local paths in {block!r}. {near_names(block, by_block)}")
    yield from ((block, path) for path in by_block[block])


def _differences(priors: list[PartPrior]) -> Iterator[str]:
    """Yield sentences on what is not as in supplement Table 3."""
    paper = {prior.name: prior for prior in PAPER_PARTS}
    others = [prior.name for prior in priors if prior.name not in paper]
    if others:
        yield f"Not in the supplement: {', '.join(others)}."
    missing = [name for name in paper if name not in {prior.name for prior in priors}]
    if missing:
        yield f"In the supplement only: {', '.join(missing)}."
    for name, column in COLUMNS.items():
        pairs = [(p.name, getattr(p, name), getattr(paper[p.name], name)) for p in priors if p.name in paper]
        different = [(part, here, there) for part, here, there in pairs if abs(here - there) > 1e-6]
        if different:
            told = ", ".join(
                f"{part.replace('_', ' ')} {as_fraction(here)} ({as_fraction(there)})"
                for part, here, there in different
            )
            yield f"{column} differs from the supplement, whose value is in brackets: {told}."
    if not others and not missing and all(p == paper[p.name] for p in priors):
        yield "All values are those of the supplement."


def as_fraction(value: float) -> str:
    """Return a share as a fraction with a small denominator where it is one, else with four digits.

    Example:
        >>> as_fraction(3 / 11), as_fraction(1.0), as_fraction(0.12345)
        ('3/11', '1', '0.1235')
    """
    near = fractions.Fraction(value).limit_denominator(LARGEST_DENOMINATOR)
    return str(near) if abs(float(near) - value) < 1e-6 else f"{value:.4g}"


def _cells(triple) -> str:
    if triple is None:
        return "-"
    return str(triple[0]) if len(set(triple)) == 1 and triple[0] < 3 else " x ".join(map(str, triple))
