"""A check of a server: what it says of its model, and what it answers, compared with the same export here."""

import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tf3dlocal.io.types import PathLike
from tf3dlocal.serving.client.client import Client, read_card
from tf3dlocal.serving.client.errors import (
    RefusedRequestError,
    ServerUnavailableError,
    SignatureNotFoundError,
    UnusableAnswerError,
)
from tf3dlocal.serving.client.requests import OUTPUT, WalkRequest, check_signature, silhouette_size
from tf3dlocal.serving.client.served_model import ServedModel, VersionStatus

PAUSE = 0.5  # seconds between two looks at a server that starts
TOLERANCE = 1e-4  # of the largest number of the local answer; another processor sums in another order
FRAMES, FEWER_FRAMES = 30, 18


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckedFact:
    """One row of a check.

    Attributes:
        name: What was checked.
        passed: Whether it is as expected.
        found: What was found, in words.
    """

    name: str
    passed: bool
    found: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServerCheck:
    """Result of `check_server`.

    Attributes:
        server: URL of the server.
        model: Name of the model.
        version: Version that answered.
        facts: `CheckedFact` in the order of the checks.
        first_ms: Milliseconds of the first request.
        milliseconds: Of each request after it.
    """

    server: str
    model: str
    version: int
    facts: tuple[CheckedFact, ...]
    first_ms: float
    milliseconds: tuple[float, ...]

    @property
    def passed(self) -> bool:
        """Whether everything is as expected."""
        return all(fact.passed for fact in self.facts)


def check_server(
    client: Client, *, export: PathLike | None = None, num_requests: int = 10, most_ms: float | None = None
) -> ServerCheck:
    """Send a drawn walk to every signature of a server, and compare the answers.

    A server that starts, or loads the model, is waited for as long as the client's `timeout` says.

    Args:
        client: The server and its model.
        export: Folder of the same export on this machine: its embeddings, signatures and version are what is expected.
            Without it, the answers must have the announced shape, be finite, and agree with each other.
        num_requests: Requests of one walk of 30 frames whose time is measured, after the first one.
        most_ms: Milliseconds that the median of these may take; None for any.

    Returns:
        `ServerCheck`.

    Raises:
        ServingError: The server is down, too slow, or has no such model.
        FileNotFoundError: There is no `export`.
        ValueError: `export` is damaged, `num_requests` is less than 1, or `most_ms` is no time.
    """
    if num_requests < 1:
        raise ValueError(f"num_requests must be at least 1; got {num_requests!r}.")
    if most_ms is not None and not most_ms >= 0:  # NaN neither
        raise ValueError(f"most_ms (--latency) must be a number of at least 0; got {most_ms!r}.")
    card = None if export is None else read_card(export)
    states = _states_after_start(client)
    served = client.metadata()
    facts = [_state(states, served)]
    if card is not None:
        facts += list(_same_as_card(served, card))
    walk = draw_walk(FRAMES, size=silhouette_size(served))
    request = WalkRequest(signature="serving_default", rows=(0,), inputs={"silhouettes": walk[None]})
    times = []
    for _ in range(num_requests + 1):
        begin = time.perf_counter()
        client.predict(request, served=served)
        times.append(1000 * (time.perf_counter() - begin))
    local = None if export is None else _local(export)
    facts += list(_answers(client, served, local=local, walk=walk))
    facts.append(_latency(times, most_ms))
    return ServerCheck(
        server=client.address.server,
        model=client.address.name,
        version=served.version,
        facts=tuple(facts),
        first_ms=times[0],
        milliseconds=tuple(times[1:]),
    )


def draw_walk(num_frames: int, *, size: tuple[int, int], left: float = 0.0) -> np.ndarray:
    """Draw a body of full height whose legs swing.

    Args:
        num_frames: Number of frames; a step takes 12.
        size: Height and width of a frame in pixels.
        left: How far the body is left of the middle, in heights.

    Returns:
        uint8 [frames, height, width], 0 and 255.

    Example:
        >>> draw_walk(2, size=(64, 44)).shape
        (2, 64, 44)
    """
    height, width = size
    y = ((np.arange(height) + 0.5) / height)[None, :, None]
    x = ((np.arange(width) + 0.5 - width / 2) / height)[None, None, :] + left
    swing = 0.45 * np.sin(np.pi * np.arange(num_frames) / 12)[:, None, None]
    body = (x**2 + (y - 0.08) ** 2 < 0.08**2) | ((np.abs(x) < 0.1) & (y > 0.15) & (y < 0.55))
    legs = [(np.abs(x - side * swing * (y - 0.5)) < 0.05) & (y >= 0.5) for side in (1, -1)]
    return np.where(body | legs[0] | legs[1], np.uint8(255), np.uint8(0))


def _states_after_start(client: Client) -> list[VersionStatus]:
    """Return the states of the versions, once one is available or none is being loaded."""
    deadline = time.monotonic() + client.timeout
    while True:
        try:
            states = client.status()
            loading = [each for each in states if each.state in ("START", "LOADING")]
            if not loading or any(each.state == "AVAILABLE" for each in states):
                return states
            told = ", ".join(f"version {each.version} {each.state}" for each in loading)
            raise ServerUnavailableError(
                f"{client.address.server} loads {client.address.what} ({told}). Wait, or give a longer timeout."
            )
        except ServerUnavailableError:
            if time.monotonic() + PAUSE > deadline:
                raise
        time.sleep(PAUSE)


def _state(states: list, served: ServedModel) -> CheckedFact:
    found = {each.version: each for each in states}
    told = ", ".join(f"version {each.version} {each.state}{each.error and f' ({each.error})'}" for each in states)
    passed = served.version in found and found[served.version].state == "AVAILABLE"
    return CheckedFact(name="state", passed=passed, found=f"{told}; version {served.version} answers")


def _same_as_card(served: ServedModel, card: dict[str, Any]) -> Iterator[CheckedFact]:
    expected = card.get("version")
    found = f"{served.version}" if served.version == expected else f"{served.version}, and the export is {expected}"
    yield CheckedFact(name="version", passed=served.version == expected, found=found)
    lacking = sorted(set(card.get("signatures", {})) - set(served.signatures))
    told = ", ".join(sorted(served.signatures)) + (f"; missing: {', '.join(lacking)}" if lacking else "")
    yield CheckedFact(name="signatures", passed=not lacking, found=told)
    signature = served.signatures.get("serving_default")
    if signature is not None and OUTPUT in signature.outputs:
        shape = list(signature.outputs[OUTPUT].shape or ())
        same = shape == card[OUTPUT]["shape"]
        other = "" if same else f", and the export has {card[OUTPUT]['shape']}"
        yield CheckedFact(name="embedding", passed=same, found=f"{shape}{other}")


def _local(export: PathLike) -> Callable[[WalkRequest], np.ndarray]:
    """Return a function that computes a request here, after the checks of `ExportedModel`."""
    import tensorflow as tf

    from tf3dlocal.serving.exported_model import ExportedModel

    embedder = ExportedModel(export)
    signatures = tf.saved_model.load(str(embedder.folder)).signatures
    kept = embedder, signatures  # they own the variables

    def answer(request: WalkRequest) -> np.ndarray | None:
        if request.signature not in kept[1]:
            return None
        inputs = {name: tf.constant(array) for name, array in request.inputs.items()}
        return signatures[request.signature](**inputs)[OUTPUT].numpy()

    return answer


def _requests(served: ServedModel, walk: np.ndarray) -> Iterator[WalkRequest]:
    """Yield one request for each signature; that to `variable` has a second, shorter walk."""
    yield WalkRequest(signature="serving_default", rows=(0,), inputs={"silhouettes": walk[None]})
    if "variable" in served.signatures:
        two = np.stack([walk, walk])
        two[1, FEWER_FRAMES:] = 0
        num_frames = np.array([len(walk), FEWER_FRAMES], np.int32)
        yield WalkRequest(signature="variable", rows=(0, 1), inputs={"silhouettes": two, "num_frames": num_frames})
    if "float" in served.signatures:
        inputs = {"silhouettes": walk[None].astype(np.float32) / 255}
        yield WalkRequest(signature="float", rows=(0,), inputs=inputs)
    masks = np.zeros((len(walk), 120, 160), np.uint8)
    masks[:, 15:105] = draw_walk(len(walk), size=(90, 160), left=0.2)
    if "raw" in served.signatures:
        yield WalkRequest(signature="raw", rows=(0,), inputs={"masks": masks[None]})
    if "png" in served.signatures:
        import cv2

        encoded = np.array([[b"", *(cv2.imencode(".png", mask)[1].tobytes() for mask in masks)]], object)
        yield WalkRequest(signature="png", rows=(0,), inputs={"frames_bytes": encoded})


def _answers(client: Client, served: ServedModel, *, local: Callable | None, walk: np.ndarray) -> Iterator[CheckedFact]:
    """Compare the answers of all signatures with the local ones, and that of `variable` with each walk alone."""
    for request in _requests(served, walk):
        name = f"answer of {request.signature}"
        try:
            check_signature(served, request.signature)
            answer = client.predict(request, served=served)
        except (SignatureNotFoundError, RefusedRequestError, UnusableAnswerError) as error:
            yield CheckedFact(name=name, passed=False, found=str(error))
            continue
        if local is not None and (expected := local(request)) is not None:
            yield _compared(name, answer, expected=expected, what="the local answer")
        else:
            yield CheckedFact(name=name, passed=True, found=f"{list(answer.shape)}, finite")
        if request.signature == "variable":
            alone = [walk[:FEWER_FRAMES][None], walk[None]]
            requests = [
                WalkRequest(signature="serving_default", rows=(0,), inputs={"silhouettes": one}) for one in alone
            ]
            shorter, longer = (client.predict(each, served=served)[0] for each in requests)
            expected = np.stack([longer, shorter])
            yield _compared("different lengths", answer, expected=expected, what="each walk alone")


def _compared(name: str, answer: np.ndarray, *, expected: np.ndarray, what: str) -> CheckedFact:
    if answer.shape != expected.shape:
        found = f"{list(answer.shape)} instead of {list(expected.shape)} of {what}: another model"
        return CheckedFact(name=name, passed=False, found=found)
    difference = float(np.abs(answer - expected).max())
    allowed = TOLERANCE * float(np.abs(expected).max())
    other = "" if difference <= allowed else f", more than {allowed:.1g}: another model, or another version"
    found = f"largest difference from {what} {difference:.1g}{other}"
    return CheckedFact(name=name, passed=difference <= allowed, found=found)


def _latency(times: list[float], most_ms: float | None) -> CheckedFact:
    median = statistics.median(times[1:])
    found = f"median {median:.0f} ms, largest {max(times[1:]):.0f} ms of {len(times) - 1}; the first {times[0]:.0f} ms"
    passed = most_ms is None or median <= most_ms
    return CheckedFact(name="latency", passed=passed, found=found + ("" if passed else f"; more than {most_ms:g} ms"))
