"""What a server answers, checked: whatever is wrong with an answer becomes one `UnusableAnswerError`."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tf3dlocal.serving.client.address import MOST_VERSION, Address
from tf3dlocal.serving.client.errors import ServingError, UnusableAnswerError
from tf3dlocal.serving.client.requests import OUTPUT, WalkRequest
from tf3dlocal.serving.client.served_model import ServedModel, Signature, TensorFacts, VersionStatus, dtype_name

MOST_BYTES = 2**20  # of an answer without its embeddings: metadata and states have some ten thousand bytes
BYTES_PER_NUMBER = 32  # a number of 64 bits has at most 24 characters as text
MOST_AXES = 254  # of a tensor of TensorFlow


def most_answer_bytes(most_numbers: int) -> int:
    """Return how long an answer with so many numbers may be.

    Example:
        >>> most_answer_bytes(8 * 16 * 64)
        1310720
    """
    return MOST_BYTES + BYTES_PER_NUMBER * most_numbers


def unusable(address: Address, reason: str) -> UnusableAnswerError:
    """Return the error for an answer that cannot be used."""
    return UnusableAnswerError(f"{address.server} gave an answer for {address.what} that cannot be used: {reason}.")


@contextlib.contextmanager
def reading(address: Address, reason: str) -> Iterator[None]:
    """Raise `UnusableAnswerError` with `reason`, whatever reading a malformed answer raises."""
    try:
        yield
    except ServingError:
        raise
    except Exception:  # a list of types would lack one, as OverflowError of int(float("inf"))
        raise unusable(address, reason) from None


def numbers_of(values: Any) -> np.ndarray:
    """Return an output as float32; what is too large for it becomes infinite.

    Raises:
        ValueError: These are no numbers, or no array.

    Example:
        >>> numbers_of([[1, 2.5], [1e39, 4]])
        array([[1. , 2.5],
               [inf, 4. ]], dtype=float32)
    """
    array = np.asarray(values)
    if array.dtype.kind not in "iuf":  # an integer of 400 digits makes an array of objects
        raise ValueError(f"an array of {array.dtype}")
    with np.errstate(over="ignore"):  # `checked_embeddings` says which walks it concerns
        return array.astype(np.float32)


def outputs_of(answer: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return {output: array} of a prediction as JSON."""
    outputs = answer.get("outputs")
    named = outputs if isinstance(outputs, dict) else {OUTPUT: outputs}  # one output has no name there
    return {name: numbers_of(values) for name, values in named.items()}


def served_model_of(answer: Mapping[str, Any]) -> ServedModel:
    """Return what metadata as JSON say."""
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    return ServedModel(
        name=_text(answer["model_spec"]["name"]),
        version=_whole_number(answer["model_spec"]["version"]),
        signatures={name: _signature(each) for name, each in signatures.items()},
    )


def states_of(answer: Mapping[str, Any]) -> list[VersionStatus]:
    """Return what a status as JSON says."""
    return [
        VersionStatus(
            version=_whole_number(each["version"]),
            state=_text(each["state"]),
            error=_text(each["status"].get("error_message", "")),
        )
        for each in answer["model_version_status"]
    ]


def checked_embeddings(
    outputs: Mapping[str, np.ndarray], *, request: WalkRequest, served: ServedModel, address: Address
) -> np.ndarray:
    """Return the embeddings in an answer, if they are as many as the walks, of the announced shape, and finite.

    Raises:
        UnusableAnswerError: They are not.
    """
    where = f"{address.server}: the answer of {address.what}, signature {request.signature!r},"
    if OUTPUT not in outputs:
        raise UnusableAnswerError(f"{where} has no {OUTPUT!r}; it has {sorted(outputs)}.")
    embeddings = outputs[OUTPUT]
    announced = served.signatures[request.signature].outputs[OUTPUT].shape
    expected = [len(request.rows), *(embeddings.shape if announced is None else announced)[1:]]
    fits = embeddings.ndim == len(expected) and all(
        size in (None, found) for size, found in zip(expected, embeddings.shape)
    )
    if not fits or embeddings.ndim not in (2, 3) or not embeddings.size:
        raise UnusableAnswerError(
            f"{where} has the shape {list(embeddings.shape)} instead of {expected} for {len(request.rows)} walks. "
            "Is it another model?"
        )
    if not np.isfinite(embeddings).all():
        wrong = np.flatnonzero(~np.isfinite(embeddings.reshape(len(embeddings), -1)).all(axis=1))
        rows = sorted(request.rows[row] for row in wrong)
        raise UnusableAnswerError(
            f"{where} has numbers that are not finite (NaN or infinite) for the walks {rows[:10]}. The training "
            "of the model has probably diverged."
        )
    return embeddings


def _signature(given: Mapping[str, Any]) -> Signature:
    def facts(tensors: Mapping[str, Any]) -> dict[str, TensorFacts]:
        return {
            name: TensorFacts(dtype=dtype_name(_text(each["dtype"])), shape=_shape(each["tensor_shape"]))
            for name, each in tensors.items()
        }

    return Signature(inputs=facts(given["inputs"]), outputs=facts(given["outputs"]))


def _shape(given: Mapping[str, Any]) -> tuple[int | None, ...] | None:
    if given.get("unknown_rank"):
        return None
    sizes = [_whole_number(dim["size"]) for dim in given.get("dim", [])]
    if len(sizes) > MOST_AXES:
        raise ValueError(f"{len(sizes)} axes")
    return tuple(None if size < 0 else size for size in sizes)


def _whole_number(given: Any) -> int:
    """Return a number of 64 bits, which JSON of Protocol Buffers has as a text."""
    if isinstance(given, bool) or not isinstance(given, int | str) or not -MOST_VERSION <= int(given) <= MOST_VERSION:
        raise ValueError(f"{given!r} is not a whole number")
    return int(given)


def _text(given: Any) -> str:
    if not isinstance(given, str):
        raise ValueError(f"{given!r} is not a text")
    return given
