"""A client of TF Serving for exported models."""

import numbers
import pathlib
import random
import time
from collections.abc import Callable, Iterable
from typing import Any, Self, TypeVar

import numpy as np

from tf3dlocal.io import check_regular_file, read_json, user_path
from tf3dlocal.io.types import PathLike
from tf3dlocal.serving.client.address import parse_address
from tf3dlocal.serving.client.answers import checked_embeddings, unusable
from tf3dlocal.serving.client.errors import REPEATABLE, ModelNotFoundError, RefusedRequestError, UnusableAnswerError
from tf3dlocal.serving.client.folders import frames_of_folder
from tf3dlocal.serving.client.requests import (
    OUTPUT,
    WalkRequest,
    most_numbers,
    numbered,
    silhouette_size,
    walk_requests,
)
from tf3dlocal.serving.client.rest import RestTransport
from tf3dlocal.serving.client.served_model import ServedModel, VersionStatus
from tf3dlocal.serving.client.walk_checks import MOST_FRAMES

MOST_BACKOFF = 10.0  # seconds
LIMIT = 1_000_000  # of every number: seconds, repetitions, walks, frames
Result = TypeVar("Result")


class Client:
    """Client of a TF Serving that serves an export of tf3dlocal.

    REST needs Python and numpy only; gRPC needs `pip install 'tf3dlocal[serving]'` and is the faster one. Several
    threads may share a client.

    A request that found the server unavailable or too slow is repeated `retries` times, after a pause that doubles
    each time and is drawn at random between its half and itself, so that many clients do not come back at once. A
    prediction changes nothing on the server, so repeating it is safe. Nothing else is repeated.

    All embeddings of one call of `embed` come from one version of the model, also while the server changes versions.

    Args:
        url: http://HOST:8501 (REST) or grpc://HOST:8500 (gRPC); https:// and grpcs:// for TLS.
        name: Name of the model on the server.
        version: Its version; None for the server's choice, which is usually the newest.
        label: Label of a version instead, such as "stable".
        export: Folder of the same export on this machine, or of one version of it. Its model card says what the
            server must answer: an embedding of another shape, or a model with another size, is refused. The shape does
            not show who made the numbers; `check_server` compares these.
        timeout: Seconds for one try of a request, from connecting to the last byte.
        retries: How often a request is repeated.
        backoff: Seconds before the first repetition.
        walks_per_request: Most walks in a request. TF Serving refuses requests of more than its `max_batch_size`, which
            is 8 in the `batching_params.pbtxt` of an export.
        frames_per_request: Most frames in a request, with padding; a longer walk goes alone.

    Attributes:
        num_retries: Number of repetitions so far.

    Raises:
        ValueError: An argument is out of its range, or the URL is none.
        ImportError: gRPC, and tensorflow-serving-api is not installed.

    Example:
        >>> client = Client("http://127.0.0.1:8501", name="walkers")
        >>> client.embed([walk, longer_walk]).shape                                              # doctest: +SKIP
        (2, 16, 64)
        >>> client.embed(["walks/alice-1", "walks/bob-1"]).shape                                 # doctest: +SKIP
        (2, 16, 64)
    """

    def __init__(
        self,
        url: str,
        *,
        name: str = "model",
        version: int | None = None,
        label: str | None = None,
        export: PathLike | None = None,
        timeout: float = 30.0,
        retries: int = 3,
        backoff: float = 0.2,
        walks_per_request: int = 8,
        frames_per_request: int = 1000,
    ):
        self.address = parse_address(url, name=name, version=version, label=label)
        for what, number, least in (("timeout", timeout, 0.001), ("backoff", backoff, 0)):
            _check_number(what, number, least=least, kinds=numbers.Real)
        for what, number, least in (
            ("retries", retries, 0),
            ("walks_per_request", walks_per_request, 1),
            ("frames_per_request", frames_per_request, 1),
        ):
            _check_number(what, number, least=least, kinds=numbers.Integral)
        self.timeout, self.retries, self.backoff = timeout, retries, backoff
        self.walks_per_request, self.frames_per_request = walks_per_request, frames_per_request
        self.num_retries = 0
        self._card = None if export is None else read_card(export)
        self._transport: Any
        if self.address.scheme.startswith("grpc"):
            from tf3dlocal.serving.client.grpc_transport import GrpcTransport

            self._transport = GrpcTransport(self.address)
        else:
            self._transport = RestTransport(self.address)

    def embed(self, walks: Iterable[np.ndarray | PathLike]) -> np.ndarray:
        """Compute the embeddings of walks.

        Every walk is checked before the first one is sent. Refused are walks that are black throughout, aligned ones
        that end with a frame without a body, walks of more frames than the model computes, and broken PNG files in a
        list. Masks of 0 and 1 are sent as 0 and 255.

        Args:
            walks: Each is uint8 [frames, height, width] with the model's height and width (aligned), or masks of any
                other size, which are sent as PNG files and aligned by the model, or a list of the bytes of such files,
                or a folder with the frames of a walk, which is read as `tf3dlocal embed` reads it. Lengths may differ.

        Returns:
            float32 [walks, channels] or [walks, parts, channels], in the order of `walks`.

        Raises:
            ServingError: The server gave no usable answer; the subclasses name the cause.
            ValueError: There is no walk, or one cannot be sent.
            FileNotFoundError: A folder or its pictures are missing.
        """
        walks = _checked(walks)
        names = numbered(walks)
        served = self.metadata()
        try:
            return self._embed(walks, names, served)
        except ModelNotFoundError:  # the version was unloaded in the meantime, and there is another one
            if self.address.version is not None:
                raise
            return self._embed(walks, names, self.metadata())

    def metadata(self) -> ServedModel:
        """Read the version that answers, and its signatures.

        Raises:
            ServingError: As `embed`, also if another version answers than the client names.
        """
        served = self._repeated(lambda: self._transport.metadata(timeout=self.timeout))
        if self.address.version not in (None, served.version):
            raise unusable(self.address, f"it is the answer of version {served.version}")
        return served

    def status(self) -> list[VersionStatus]:
        """Read the states of the versions that the server knows; of one, if the client names a version or a label."""
        return self._repeated(lambda: self._transport.status(timeout=self.timeout))

    def predict(self, request: WalkRequest, *, served: ServedModel) -> np.ndarray:
        """Send one request, as `embed` does, and check its answer.

        Args:
            request: Signature and inputs.
            served: The model that answers; see `metadata`.

        Returns:
            float32 [walks, channels] or [walks, parts, channels].

        Raises:
            ServingError: As `embed`.
        """
        limits = {"most_numbers": most_numbers(served, request), "timeout": self.timeout}
        encoded = self._transport.encoded(request.inputs, signature=request.signature, version=served.version)
        outputs = self._repeated(lambda: self._transport.predict(encoded, **limits))
        return checked_embeddings(outputs, request=request, served=served, address=self.address)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _embed(self, walks: list[Any], names: list[str], served: ServedModel) -> np.ndarray:
        self._check_served(served)
        folders = {"size": silhouette_size(served), "takes_png": "png" in served.signatures}
        walks = [
            frames_of_folder(walk, **folders) if isinstance(walk, str | pathlib.PurePath) else _array_or_files(walk)
            for walk in walks
        ]
        limits = {"most_walks": self.walks_per_request, "most_frames": self.frames_per_request}
        limits["longest"] = MOST_FRAMES if self._card is None else self._card.get("most_frames", MOST_FRAMES)
        requests = walk_requests(walks, served=served, names=names, **limits)
        embeddings: np.ndarray | None = None
        for request in requests:
            try:
                answer = self.predict(request, served=served)
            except RefusedRequestError as error:
                sent = ", ".join(names[row] for row in sorted(request.rows))
                raise RefusedRequestError(f"{error} Sent together were: {sent}.") from None
            if embeddings is None:
                embeddings = np.empty((len(walks), *answer.shape[1:]), np.float32)
            embeddings[list(request.rows)] = answer
        return embeddings

    def _repeated(self, call: Callable[[], Result]) -> Result:
        for repetition in range(self.retries + 1):
            try:
                return call()
            except REPEATABLE as error:
                if repetition == self.retries:
                    tries = f" After {self.retries + 1} tries." if self.retries else ""
                    raise type(error)(f"{error}{tries}") from None
            self.num_retries += 1
            time.sleep(min(self.backoff * 2**repetition, MOST_BACKOFF) * random.uniform(0.5, 1))
        raise AssertionError

    def _check_served(self, served: ServedModel) -> None:
        """Compare what the server says of its model with the local card."""
        if self._card is None:
            return
        expected = {"silhouettes": self._card["silhouettes"]["shape"], OUTPUT: self._card["embedding"]["shape"]}
        signature = served.signatures.get("serving_default")
        tensors = {} if signature is None else {**signature.inputs, **signature.outputs}
        found = {name: list(facts.shape or ()) for name, facts in tensors.items() if name in expected}
        if found != expected:
            raise UnusableAnswerError(
                f"{self.address.server} serves another model than the local export: {self.address.what} has {found}, "
                f"and the export's model card has {expected}."
            )


def read_card(folder: PathLike) -> dict[str, Any]:
    """Read the model card of an export, of its highest version if there are several.

    Raises:
        FileNotFoundError: There is none.
        ValueError: It is damaged, or not a card of tf3dlocal.
    """
    folder = user_path(folder)
    if not (folder / "model_card.json").exists():
        versions = [path for path in folder.glob("*/model_card.json") if path.parent.name.isdecimal()]
        if not versions:
            raise FileNotFoundError(f"There is no model_card.json in {folder}: give the folder of an exported model.")
        folder = max(versions, key=lambda path: int(path.parent.name)).parent
    path = folder / "model_card.json"
    check_regular_file(path, max_bytes=2**26)
    card = read_json(path, solution="Export the model again with `tf3dlocal export`.")
    try:
        shapes = [card["silhouettes"]["shape"], card["embedding"]["shape"]]
        if all(isinstance(shape, list) for shape in shapes) and isinstance(card.get("most_frames", 0), int):
            return card
    except (KeyError, TypeError):
        pass
    raise ValueError(f"{path} is not a model card of tf3dlocal.")


def _check_number(what: str, number: Any, *, least: float, kinds: type) -> None:
    """Refuse an argument that is not a number of this kind, or out of its range."""
    kind = "a whole number" if kinds is numbers.Integral else "a number"
    if isinstance(number, bool) or not isinstance(number, kinds):
        raise ValueError(f"{what} must be {kind}; got {number!r}.")
    if not least <= number < LIMIT:  # NaN neither
        raise ValueError(f"{what} must be at least {least} and less than {LIMIT:,}; got {number!r}.")


def _checked(walks: Any) -> list[Any]:
    is_one = isinstance(walks, str | bytes | pathlib.PurePath) or (isinstance(walks, np.ndarray) and walks.ndim < 4)
    if is_one or not isinstance(walks, Iterable):
        raise ValueError(f"Give a list of walks, also for one walk: client.embed([walk]); got {type(walks).__name__}.")
    walks = list(walks)
    if not walks:
        raise ValueError("There is no walk to embed: the list is empty.")
    return walks


def _array_or_files(walk: Any) -> np.ndarray | list[bytes]:
    is_files = isinstance(walk, list | tuple) and len(walk) > 0 and all(isinstance(frame, bytes) for frame in walk)
    return list(walk) if is_files else np.asarray(walk)
