"""TF Serving's REST interface, on the standard library: JSON over connections that stay open."""

import base64
import contextlib
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
from tf3dlocal.serving.client.answers import (
    MOST_BYTES,
    most_answer_bytes,
    outputs_of,
    reading,
    served_model_of,
    states_of,
    unusable,
)
from tf3dlocal.serving.client.errors import (
    ServerTimeoutError,
    ServerUnavailableError,
    UnusableAnswerError,
    error_of,
)
from tf3dlocal.serving.client.served_model import ServedModel, VersionStatus

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

    def encoded(self, inputs: Mapping[str, np.ndarray], *, signature: str, version: int | None) -> tuple[str, bytes]:
        """Return path and body of a prediction, in TF Serving's columnar format."""
        columns = {name: _as_json(array) for name, array in inputs.items()}
        body = json.dumps({"signature_name": signature, "inputs": columns}, separators=(",", ":")).encode()
        return f"{self._path(version)}:predict", body

    def predict(self, encoded: tuple[str, bytes], *, most_numbers: int, timeout: float) -> dict[str, np.ndarray]:
        """Compute the outputs of a signature: at most `most_numbers` numbers."""
        path, body = encoded
        request = _Request("POST", path, body=body, timeout=timeout, most_bytes=most_answer_bytes(most_numbers))
        answer = self._ask(request)
        with reading(self.address, "its 'outputs' are no array of numbers"):
            return outputs_of(answer)

    def metadata(self, *, timeout: float) -> ServedModel:
        """Read version and signatures."""
        answer = self._ask(_Request("GET", f"{self._path(self.address.version)}/metadata", timeout=timeout))
        with reading(self.address, "it has no model_spec and signature_def, as TF Serving's metadata have"):
            return served_model_of(answer)

    def status(self, *, timeout: float) -> list[VersionStatus]:
        """Read the states of the versions."""
        answer = self._ask(_Request("GET", self._path(self.address.version), timeout=timeout))
        with reading(self.address, "it has no model_version_status, as TF Serving's status has"):
            return states_of(answer)

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

    def _ask(self, request: "_Request") -> dict[str, Any]:
        status, content = self._exchange(request)
        answer = None
        with contextlib.suppress(Exception):  # whatever it raises, it is no JSON
            answer = json.loads(content)
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
            raise unusable(self.address, f"it is not a JSON object; it begins with {shown!r}")
        return answer

    def _about_prefix(self) -> str:
        return (
            f"The URL has the path {self.address.prefix!r}, which a gateway may have and TF Serving has not: without a "
            f"gateway, write {self.address.server.removesuffix(self.address.prefix)}"
        )

    def _exchange(self, request: "_Request") -> tuple[int, bytes]:
        """Return HTTP status and content, before the deadline; over an idle connection if there is one."""
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
                content = self._read(response, request.most_bytes)
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._idle.append(connection)
        return response.status, content

    def _read(self, response: http.client.HTTPResponse, most_bytes: int) -> bytes:
        """Read a whole answer, in bounded memory."""
        pieces, size = [], 0
        too_long = unusable(self.address, f"it is longer than {most_bytes} bytes")
        if (response.length or 0) > most_bytes:  # of what Content-Length announced
            raise too_long
        while piece := response.read(2**16):
            pieces.append(piece)
            size += len(piece)
            if size > most_bytes:
                raise too_long
        if response.length:
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


class _Request:
    def __init__(
        self, method: str, path: str, *, timeout: float, body: bytes | None = None, most_bytes: int = MOST_BYTES
    ):
        self.method, self.path, self.body, self.most_bytes = method, path, body, most_bytes
        self.deadline = time.monotonic() + timeout


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
