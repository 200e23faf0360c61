"""TF Serving's REST interface, on the standard library: JSON over connections that stay open."""

import base64
import contextlib
import dataclasses
import http.client
import json
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

import tf3dlocal
from tf3dlocal.serving.client.address import Address
from tf3dlocal.serving.client.errors import (
    ServerTimeoutError,
    ServerUnavailableError,
    UnusableAnswerError,
    error_of,
)
from tf3dlocal.serving.client.served_model import ServedModel, Signature, TensorFacts, VersionStatus, dtype_name

MOST_ANSWER_BYTES = 2**27  # of an answer: a thousand embeddings of 16 x 256 numbers as text have 90 MB
STATUS_OF = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
CLOSED_WHILE_IDLE = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError)


class RestTransport:
    """Requests to one model by REST; several threads may share it.

    Args:
        address: Server and model.
    """

    def __init__(self, address: Address):
        self.address = address
        self._idle: list[http.client.HTTPConnection] = []  # append and pop of a list are atomic

    def predict(
        self, inputs: Mapping[str, np.ndarray], *, signature: str, version: int | None, timeout: float
    ) -> dict[str, np.ndarray]:
        """Compute the outputs of a signature, in TF Serving's columnar format."""
        columns = {name: _as_json(array) for name, array in inputs.items()}
        body = json.dumps({"signature_name": signature, "inputs": columns}, separators=(",", ":")).encode()
        answer = self._ask("POST", f"{self._path(version)}:predict", body=body, timeout=timeout)
        outputs = answer.get("outputs")
        named = outputs if isinstance(outputs, dict) else {"embedding": outputs}  # one output has no name there
        try:
            return {name: np.asarray(values, np.float32) for name, values in named.items()}
        except (TypeError, ValueError):
            raise self._unusable("its 'outputs' are no array of numbers") from None

    def metadata(self, *, timeout: float) -> ServedModel:
        """Read version and signatures."""
        answer = self._ask("GET", f"{self._path(self.address.version)}/metadata", timeout=timeout)
        try:
            signatures = answer["metadata"]["signature_def"]["signature_def"]
            return ServedModel(
                name=answer["model_spec"]["name"],
                version=int(answer["model_spec"]["version"]),
                signatures={name: _signature(each) for name, each in signatures.items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self._unusable("it has no model_spec and signature_def, as TF Serving's metadata have") from None

    def status(self, *, timeout: float) -> list[VersionStatus]:
        """Read the states of the versions."""
        answer = self._ask("GET", self._path(self.address.version), timeout=timeout)
        try:
            return [
                VersionStatus(
                    version=int(each["version"]), state=each["state"], error=each["status"].get("error_message", "")
                )
                for each in answer["model_version_status"]
            ]
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self._unusable("it has no model_version_status, as TF Serving's status has") from None

    def close(self) -> None:
        """Close the connections."""
        while self._idle:
            self._idle.pop().close()

    def _path(self, version: int | None) -> str:
        path = f"{self.address.prefix}/v1/models/{urllib.parse.quote(self.address.name, safe='')}"
        if version is not None:
            return f"{path}/versions/{version}"
        label = self.address.label
        return path if label is None else f"{path}/labels/{urllib.parse.quote(label, safe='')}"

    def _ask(self, method: str, path: str, *, timeout: float, body: bytes | None = None) -> dict[str, Any]:
        status, content = self._exchange(method, path, body=body, timeout=timeout)
        try:
            answer = json.loads(content)
        except (ValueError, RecursionError):
            answer = None
        if status != 200:
            told = answer.get("error") if isinstance(answer, dict) else None
            code = STATUS_OF.get(status, "UNKNOWN")
            if told is None and code in ("NOT_FOUND", "UNKNOWN"):  # a server, but not TF Serving
                told, code = f"HTTP status {status} without an error message as JSON", "UNKNOWN_PATH"
            told = str(told or f"HTTP status {status}")
            if self.address.prefix and (code == "UNKNOWN_PATH" or "malformed request" in told.lower()):
                told, code = f"{told}. {self._about_prefix()}", "UNKNOWN_PATH"
            raise error_of(code, told, where=self.address.server, what=self.address.what)
        if not isinstance(answer, dict):
            shown = content[:60].decode("utf-8", "replace")
            raise self._unusable(f"it is not a JSON object; it begins with {shown!r}")
        return answer

    def _about_prefix(self) -> str:
        return (
            f"The URL has the path {self.address.prefix!r}, which a gateway may have and TF Serving has not: without a "
            f"gateway, write {self.address.server.removesuffix(self.address.prefix)}"
        )

    def _exchange(self, method: str, path: str, *, body: bytes | None, timeout: float) -> tuple[int, bytes]:
        """Return HTTP status and content, within `timeout` seconds; over an idle connection if there is one."""
        request = _Request(method=method, path=path, body=body, deadline=time.monotonic() + timeout)
        while self._idle:
            try:
                return self._exchange_over(self._idle.pop(), request)
            except (IndexError, *CLOSED_WHILE_IDLE):
                continue  # another thread took it, or the server closed it and has not seen the request
            except (OSError, http.client.HTTPException) as error:
                raise self._broken(error, request) from None
        kind = http.client.HTTPSConnection if self.address.scheme == "https" else http.client.HTTPConnection
        try:
            return self._exchange_over(kind(self.address.host, self.address.port), request)
        except (OSError, http.client.HTTPException) as error:
            raise self._broken(error, request) from None

    def _exchange_over(self, connection: http.client.HTTPConnection, request: "_Request") -> tuple[int, bytes]:
        headers = {"Content-Type": "application/json", "User-Agent": f"tf3dlocal/{tf3dlocal.__version__}"}
        try:
            with _cut_off_at(request.deadline, connection):
                connection.timeout = max(request.deadline - time.monotonic(), 0.001)  # of connecting, and of one read
                if connection.sock is not None:
                    connection.sock.settimeout(connection.timeout)
                connection.request(request.method, request.path, body=request.body, headers=headers)
                response = connection.getresponse()
                content = self._read(response)
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._idle.append(connection)
        return response.status, content

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        """Read a whole answer, in bounded memory."""
        pieces, size = [], 0
        while piece := response.read(2**16):
            pieces.append(piece)
            size += len(piece)
            if size > MOST_ANSWER_BYTES:
                raise self._unusable(f"it is longer than {MOST_ANSWER_BYTES} bytes")
        if response.length:  # of what Content-Length announced
            raise http.client.IncompleteRead(b"", response.length)
        return b"".join(pieces)

    def _broken(self, error: Exception, request: "_Request") -> Exception:
        """Return the error of this package for one of the connection."""
        server = self.address.server
        if isinstance(error, TimeoutError):
            return ServerTimeoutError(
                f"{server} gave no complete answer in time. It may load a model or be busy; the first request after a "
                "start takes seconds without warm-up. Give a longer timeout."
            )
        if isinstance(error, ssl.SSLError):
            return UnusableAnswerError(f"{server}: TLS failed ({error.reason}). TF Serving itself speaks http://.")
        if isinstance(error, ConnectionRefusedError):
            return ServerUnavailableError(f"Nothing listens on {server}. Start the server, or check host and port.")
        if isinstance(error, socket.gaierror):
            return ServerUnavailableError(f"There is no host {self.address.host!r} ({error.strerror}).")
        if isinstance(error, http.client.IncompleteRead):
            return ServerUnavailableError(f"{server} closed the connection in the middle of its answer.")
        if isinstance(error, CLOSED_WHILE_IDLE):
            return ServerUnavailableError(f"{server} closed the connection without an answer.")
        if isinstance(error, OSError):
            return ServerUnavailableError(f"{server} cannot be reached: {error.strerror or error}.")
        return UnusableAnswerError(
            f"{server} does not answer with HTTP ({type(error).__name__} at {request.path}). TF Serving's REST port is "
            "8501; 8500 is for grpc://."
        )

    def _unusable(self, reason: str) -> UnusableAnswerError:
        return UnusableAnswerError(
            f"{self.address.server} gave an answer for {self.address.what} that cannot be used: {reason}."
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Request:
    method: str
    path: str
    body: bytes | None
    deadline: float


@contextlib.contextmanager
def _cut_off_at(deadline: float, connection: http.client.HTTPConnection) -> Iterator[None]:
    """End what happens on a connection at `deadline` with TimeoutError.

    The timeout of a socket is that of one read, and a server that sends a byte a second would be waited for forever.
    """
    cut_off = threading.Event()

    def cut() -> None:
        cut_off.set()
        if (sock := connection.sock) is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    watchdog = threading.Timer(max(deadline - time.monotonic(), 0), cut)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    except Exception:
        if cut_off.is_set():
            raise TimeoutError from None
        raise
    finally:
        watchdog.cancel()
    if cut_off.is_set():
        raise TimeoutError


def _as_json(array: np.ndarray) -> list:
    if array.dtype != object:
        return array.tolist()
    return [[{"b64": base64.b64encode(content).decode("ascii")} for content in row] for row in array]


def _signature(given: dict[str, Any]) -> Signature:
    def facts(tensors: dict[str, Any]) -> dict[str, TensorFacts]:
        return {
            name: TensorFacts(dtype=dtype_name(each["dtype"]), shape=_shape(each["tensor_shape"]))
            for name, each in tensors.items()
        }

    return Signature(inputs=facts(given["inputs"]), outputs=facts(given["outputs"]))


def _shape(given: dict[str, Any]) -> tuple[int | None, ...] | None:
    if given.get("unknown_rank"):
        return None
    sizes = [int(dim["size"]) for dim in given.get("dim", [])]
    return tuple(None if size < 0 else size for size in sizes)
