"""Walks as the requests that carry them: which signature, which walks together, padded how."""

import dataclasses
import math
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tf3dlocal.serving.client.errors import SignatureNotFoundError
from tf3dlocal.serving.client.served_model import ServedModel
from tf3dlocal.serving.client.walk_checks import MOST_FRAMES, checked_walk

# Signature -> its inputs.
INPUTS = {
    "serving_default": {"silhouettes": "uint8"},
    "float": {"silhouettes": "float32"},
    "variable": {"silhouettes": "uint8", "num_frames": "int32"},
    "raw": {"masks": "uint8"},
    "png": {"frames_bytes": "string"},
}
OUTPUT = "embedding"
MOST_SIDE = 512  # pixels of a silhouette; the sizes in use are 64 x 44 and 128 x 88
MOST_NUMBERS = 2**16  # of the embedding of a walk; 16 strips of 256 channels are 2**12


@dataclasses.dataclass(frozen=True, kw_only=True)
class WalkRequest:
    """One request.

    Attributes:
        signature: Name of the signature.
        rows: Which of the walks it carries, in the order of the batch.
        inputs: {input: array}.
    """

    signature: str
    rows: tuple[int, ...]
    inputs: Mapping[str, np.ndarray]


def walk_requests(
    walks: Sequence[Any],
    *,
    served: ServedModel,
    names: Sequence[str],
    most_walks: int,
    most_frames: int,
    longest: int = MOST_FRAMES,
) -> Iterator[WalkRequest]:
    """Yield the requests that carry all walks, after a check of every walk.

    Aligned walks of any lengths go to `variable`, sorted by length, padded with zeros, each with its number of frames.
    A model without `variable` gets walks of equal length together in `serving_default`. Masks of another size than the
    model's go to `png`, where they need a fiftieth of the bytes of `raw` for the same answer; shorter walks are padded
    with empty texts there.

    Args:
        walks: uint8 [frames, height, width], or lists of bytes.
        served: The model.
        names: What errors call the walks.
        most_walks: Most walks of a request.
        most_frames: Most frames of a request, with padding; a longer walk goes alone.
        longest: Most frames of a walk that the model computes.

    Raises:
        SignatureNotFoundError: The model lacks the signature that a walk needs.
        ValueError: The model does not take a walk; see `checked_walk`.
    """
    size = silhouette_size(served)
    kinds: dict[tuple, list[int]] = {}
    checked = []
    for row, walk in enumerate(walks):
        kind, sent = checked_walk(walk, name=names[row], size=size, served=served, longest=longest)
        kinds.setdefault(kind, []).append(row)
        checked.append(sent)
    for signature, *_ in kinds:
        check_signature(served, signature)
    for (signature, *_), rows in kinds.items():
        lengths = {row: len(checked[row]) for row in sorted(rows, key=lambda row: len(checked[row]))}
        for group in _groups(lengths, most_walks=most_walks, most_frames=most_frames):
            inputs = _inputs(signature, [checked[row] for row in group])
            yield WalkRequest(signature=signature, rows=group, inputs=inputs)


def check_signature(served: ServedModel, signature: str) -> None:
    """Check that a model has a signature with the inputs and the output of tf3dlocal's exports.

    Raises:
        SignatureNotFoundError: It has not.
    """
    if signature not in served.signatures:
        raise SignatureNotFoundError(
            f"Version {served.version} of model {served.name!r} has no signature {signature!r}; it has "
            f"{sorted(served.signatures)}. Export the model again with `tf3dlocal export`, which writes it."
        )
    found = served.signatures[signature]
    inputs = {name: facts.dtype for name, facts in found.inputs.items()}
    if inputs != INPUTS[signature] or OUTPUT not in found.outputs:
        raise SignatureNotFoundError(
            f"The signature {signature!r} of model {served.name!r} takes {inputs} and gives {sorted(found.outputs)}; "
            f"an export of tf3dlocal takes {INPUTS[signature]} and gives {OUTPUT!r}. Is it another model?"
        )


def silhouette_size(served: ServedModel) -> tuple[int, int]:
    """Return height and width of a model's silhouettes.

    Raises:
        SignatureNotFoundError: It has no `serving_default` of an export of tf3dlocal, or one of an impossible size.
    """
    check_signature(served, "serving_default")
    shape = served.signatures["serving_default"].inputs["silhouettes"].shape
    if shape is None or len(shape) != 4 or any(side is None or not 1 <= side <= MOST_SIDE for side in shape[2:]):
        raise SignatureNotFoundError(
            f"The input 'silhouettes' of model {served.name!r} has the shape {shape}, and an export of tf3dlocal has "
            f"[batch, frames, height, width] with height and width from 1 to {MOST_SIDE}. Is it another model?"
        )
    return shape[2:]


def most_numbers(served: ServedModel, request: WalkRequest) -> int:
    """Return how many numbers the answer to a request may have, from the announced shape of an embedding.

    Raises:
        SignatureNotFoundError: The model lacks the signature, or announces something else than embeddings.
    """
    check_signature(served, request.signature)
    shape = served.signatures[request.signature].outputs[OUTPUT].shape
    of_walk = MOST_NUMBERS if shape is None or None in shape[1:] else math.prod(shape[1:])
    if not 1 <= of_walk <= MOST_NUMBERS:
        raise SignatureNotFoundError(
            f"The output {OUTPUT!r} of model {served.name!r} has the shape {shape}, and the embedding of a walk has "
            f"from 1 to {MOST_NUMBERS:,} numbers. Is it another model?"
        )
    return len(request.rows) * of_walk


def _groups(lengths: Mapping[int, int], *, most_walks: int, most_frames: int) -> Iterator[tuple[int, ...]]:
    """Split {row: frames}, sorted by frames, so that padding included a group keeps both limits."""
    group: list[int] = []
    for row, frames in lengths.items():
        if group and (len(group) == most_walks or (len(group) + 1) * frames > most_frames):
            yield tuple(group)
            group = []
        group.append(row)
    if group:
        yield tuple(group)


def _inputs(signature: str, walks: Sequence[Any]) -> dict[str, np.ndarray]:
    """Return the inputs of a request with walks."""
    if signature == "png":
        # b"" stands for no frame. A server that makes a batch fills walks up with the first element, so it is b"", too.
        encoded = np.full((len(walks), 1 + max(map(len, walks))), b"", object)
        for row, walk in enumerate(walks):
            encoded[row, 1 : 1 + len(walk)] = walk
        return {"frames_bytes": encoded}
    if signature == "serving_default":
        return {"silhouettes": np.stack(walks)}
    num_frames = np.array([len(walk) for walk in walks], np.int32)
    silhouettes = np.zeros((len(walks), num_frames.max(), *walks[0].shape[1:]), np.uint8)
    for row, walk in enumerate(walks):
        silhouettes[row, : len(walk)] = walk
    return {"silhouettes": silhouettes, "num_frames": num_frames}


def numbered(walks: Sequence[Any]) -> list[str]:
    """Return what errors call the walks.

    Example:
        >>> numbered([np.zeros(1), pathlib.Path("walks/a")])
        ['walks[0]', 'walks/a']
    """
    return [str(walk) if isinstance(walk, str | pathlib.PurePath) else f"walks[{i}]" for i, walk in enumerate(walks)]
