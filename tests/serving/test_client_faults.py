"""A server that is down, slow, broken or another one: the client names the cause, in bounded time and memory."""

import gc
import json
import math
import socket
import threading
import time

import numpy as np
import pytest
from small_server import StatusError

from tf3dlocal.serving import CARD_NAME, Client
from tf3dlocal.serving.client import (
    RefusedRequestError,
    ServerTimeoutError,
    ServerUnavailableError,
    ServingError,
    SignatureNotFoundError,
    UnusableAnswerError,
    WalkRequest,
)

pytestmark = pytest.mark.bad_input
QUICK = {"name": "tiny", "backoff": 0.001}


@pytest.fixture
def closed_port():
    """A port at which nothing listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture
def plain_server():
    """A function from what is sent on every connection (a list of bytes; a number is a pause) to its port."""
    open_sockets = []

    def serve(pieces):
        listening = socket.create_server(("127.0.0.1", 0))
        open_sockets.append(listening)

        def answer(connection):
            with connection:
                try:
                    connection.recv(2**16)
                    for piece in pieces:
                        if isinstance(piece, bytes):
                            connection.sendall(piece)
                        else:
                            time.sleep(piece)
                except OSError:
                    pass  # the client has gone

        def accept():
            while True:
                try:
                    threading.Thread(target=answer, args=(listening.accept()[0],), daemon=True).start()
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        return listening.getsockname()[1]

    yield serve
    for each in open_sockets:
        each.close()


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_a_server_that_is_down_is_named_after_all_tries(scheme, closed_port):
    client = Client(f"{scheme}://127.0.0.1:{closed_port}", **QUICK, retries=2)
    with pytest.raises(ServerUnavailableError, match=rf"{scheme}://127.0.0.1:{closed_port}.*After 3 tries"):
        client.status()
    assert client.num_retries == 2


def test_a_host_that_does_not_exist_is_named():
    with pytest.raises(ServerUnavailableError, match="no host 'no-such-host.invalid'"):
        Client("http://no-such-host.invalid:8501", **QUICK, retries=0).status()


@pytest.mark.slow
def test_what_is_unavailable_for_a_moment_is_asked_again_and_the_repetitions_are_counted(url, server, walks):
    client, left = Client(url, **QUICK, retries=3), [3]

    def unavailable(what):
        if left[0]:
            left[0] -= 1
            raise StatusError("UNAVAILABLE", "The batch scheduling queue to which this task was submitted is full")

    server.fault = unavailable
    before = server.num_requests
    assert client.status()[0].state == "AVAILABLE"
    assert (client.num_retries, server.num_requests - before) == (3, 4)
    left[0] = 4
    with pytest.raises(ServerUnavailableError, match="queue to which this task was submitted is full.*After 4 tries"):
        client.status()
    assert client.num_retries == 6


def test_the_pauses_between_the_repetitions_double_and_vary(monkeypatch, closed_port):
    pauses = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    with pytest.raises(ServerUnavailableError):
        Client(f"http://127.0.0.1:{closed_port}", name="tiny", retries=8, backoff=0.2).status()
    longest = [min(0.2 * 2**i, 10) for i in range(8)]
    assert all(most / 2 <= pause <= most for pause, most in zip(pauses, longest, strict=True))
    assert len({pause / most for pause, most in zip(pauses, longest)}) == 8


@pytest.mark.parametrize("code", ["INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION", "INTERNAL"])
def test_what_would_fail_again_is_not_asked_again(url, server, code):
    def refuse(what):
        raise StatusError(code, "the reason")

    server.fault = refuse
    before = server.num_requests
    with pytest.raises(ServingError, match="the reason"):
        Client(url, **QUICK).status()
    assert server.num_requests - before == 1


def test_a_slow_server_is_waited_for_as_long_as_the_timeout_says(url, server):
    client = Client(url, **QUICK, timeout=0.3, retries=1)
    server.fault = lambda what: time.sleep(1.5)
    begin = time.monotonic()
    with pytest.raises(ServerTimeoutError, match="After 2 tries"):
        client.status()
    assert 0.5 < time.monotonic() - begin < 1.4
    assert client.num_retries == 1


def test_a_server_that_sends_a_byte_now_and_then_is_not_waited_for_forever(plain_server):
    """The timeout of a socket is that of one read; that of the client is for the whole answer."""
    begin_of_answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    for pieces in ([begin_of_answer, *[b" ", 0.05] * 200], [b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n", 0.05] * 90]):
        client = Client(f"http://127.0.0.1:{plain_server(pieces)}", **QUICK, timeout=0.4, retries=0)
        begin = time.monotonic()
        with pytest.raises(ServerTimeoutError, match="no complete answer in time"):
            client.status()
        assert time.monotonic() - begin < 3


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"<html>It works!</html>", "not a JSON object; it begins with '<html>It works!</html>'"),
        (b"", "not a JSON object"),
        (b"\xff\xfe\x00", "not a JSON object"),
        (b'{"model_version_status": [{"version"', "not a JSON object"),
        (b"[1, 2]", "not a JSON object"),
        (b"[" * 100_000, "not a JSON object"),
        (b"{}", "no model_version_status"),
        (b'{"model_version_status": [{"version": "one"}]}', "no model_version_status"),
        (b'{"model_version_status": 3}', "no model_version_status"),
    ],
)
def test_garbage_instead_of_json_is_named(server, answer, message):
    server.raw_answer = answer
    with pytest.raises(UnusableAnswerError, match=message):
        Client(server.rest, **QUICK).status()


@pytest.mark.parametrize("answer", [b'{"model_spec": {}}', b'{"metadata": {"signature_def": []}}', b'{"outputs": 1}'])
def test_metadata_of_something_else_are_named(server, answer, walks):
    server.raw_answer = answer
    with pytest.raises(UnusableAnswerError, match="no model_spec and signature_def"):
        Client(server.rest, **QUICK).embed(walks)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b'{"outputs": "many"}', "no array of numbers"),
        (b'{"outputs": [[1, 2], [3]]}', "no array of numbers"),
        (b'{"outputs": {"other": [[1.0]]}}', r"has no 'embedding'; it has \['other'\]"),
        (b'{"predictions": [[[1.0]]]}', "has the shape|no array of numbers"),
        (b'{"outputs": [[1.0, 2.0]]}', r"has the shape \[1, 2\] instead of \[4, 2, 5\]"),
        (b'{"outputs": []}', r"has the shape \[0\]"),
    ],
)
def test_an_answer_that_is_no_embedding_is_named(server, walks, answer, message):
    client = Client(server.rest, **QUICK)

    def garbled(what):
        server.raw_answer = answer if "predict" in what else None

    server.fault = garbled
    with pytest.raises(UnusableAnswerError, match=message):
        client.embed(walks)


def test_an_answer_that_breaks_off_is_asked_for_again(server):
    server.raw_answer, server.announced_length = b'{"model_version_status": [', 1000
    client = Client(server.rest, **QUICK, retries=2)
    with pytest.raises(ServerUnavailableError, match="in the middle of its answer.*After 3 tries"):
        client.status()


@pytest.mark.parametrize("length", [b"", b"Content-Length: 9999999\r\n"], ids=["of unknown length", "announced"])
def test_an_endless_answer_is_not_read_to_its_end(plain_server, length):
    port = plain_server([b"HTTP/1.1 200 OK\r\n" + length + b"\r\n", *[b" " * 2**16] * 32, 20])
    with pytest.raises(UnusableAnswerError, match="longer than 1048576 bytes"):
        Client(f"http://127.0.0.1:{port}", **QUICK).status()


def test_another_program_at_the_port_is_named(plain_server, server):
    port = plain_server([b"220 mail.example ESMTP\r\n"])
    with pytest.raises(UnusableAnswerError, match="does not answer with HTTP.*8500 is for grpc://"):
        Client(f"http://127.0.0.1:{port}", **QUICK, retries=0).status()
    port = plain_server([b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone"])
    with pytest.raises(UnusableAnswerError, match="does not answer as TF Serving does"):
        Client(f"http://127.0.0.1:{port}", **QUICK, retries=0).status()
    with pytest.raises(ServingError, match=r"does not answer with HTTP|closed the connection|middle of its answer"):
        Client(server.grpc.replace("grpc://", "http://"), **QUICK, retries=0).status()
    with pytest.raises(ServingError):
        Client(server.rest.replace("http://", "grpc://"), **QUICK, retries=0, timeout=2).status()


def test_a_path_that_only_a_gateway_has_is_named(server):
    with pytest.raises(
        UnusableAnswerError, match=r"has the path '/gw', .*without a gateway, write http://127.0.0.1:\d+\."
    ):
        Client(f"{server.rest}/gw", **QUICK).status()


def test_numbers_that_are_not_finite_are_named_with_their_walk(url, server, walks):
    def poison(outputs):
        spoiled = outputs["embedding"].copy()
        spoiled[0] = np.nan
        spoiled[1, 0, 0] = math.inf
        return {"embedding": spoiled}

    server.change = poison
    # sorted by length, the request begins with walks[1] (4 frames) and walks[0] (9 frames)
    with pytest.raises(UnusableAnswerError, match=r"not finite \(NaN or infinite\) for the walks \[0, 1\]"):
        Client(url, **QUICK).embed(walks)


def test_an_embedding_of_another_shape_is_named(url, server, walks):
    server.change = lambda outputs: {"embedding": outputs["embedding"][:, :, :3]}
    with pytest.raises(UnusableAnswerError, match=r"has the shape \[4, 2, 3\] instead of \[4, 2, 5\] for 4 walks"):
        Client(url, **QUICK).embed(walks)
    server.change = lambda outputs: {"embedding": outputs["embedding"][:1]}
    with pytest.raises(UnusableAnswerError, match=r"has the shape \[1, 2, 5\]"):
        Client(url, **QUICK).embed(walks)


def test_a_server_of_another_model_than_the_local_export_is_refused(url, walks, tmp_path, tiny_export, local_answer):
    same = Client(url, **QUICK, export=tiny_export).embed(walks)
    np.testing.assert_allclose(same, local_answer(walks), rtol=0, atol=1e-6)
    card = json.loads((tiny_export / "2" / CARD_NAME).read_text())
    card["embedding"]["shape"] = [None, 2, 7]
    (tmp_path / CARD_NAME).write_text(json.dumps(card))
    with pytest.raises(
        UnusableAnswerError, match=r"another model than the local export.*\[None, 2, 5\].*\[None, 2, 7\]"
    ):
        Client(url, **QUICK, export=tmp_path).embed(walks)
    (tmp_path / CARD_NAME).write_text('{"format": "other"}')
    with pytest.raises(ValueError, match="is not a model card of tf3dlocal"):
        Client(url, **QUICK, export=tmp_path)
    with pytest.raises(FileNotFoundError, match="no model_card.json"):
        Client(url, **QUICK, export=tmp_path / "nowhere")


def test_a_signature_that_disappears_between_two_requests_is_named(url, server, walks, monkeypatch):
    client, version = Client(url, **QUICK), server.versions[2]
    kept = version.definitions

    def forget(what):
        if "predict" in what.lower():
            monkeypatch.setattr(version, "definitions", {"serving_default": kept["serving_default"]})

    server.fault = forget
    with pytest.raises(SignatureNotFoundError, match="variable.*not found.*tf3dlocal export"):
        client.embed(walks)


def test_one_walk_that_is_refused_fails_the_requests_of_its_batch_with_the_sentence(url, server):
    """The rule of TF Serving: what is computed together fails together."""
    client, walk = Client(url, **QUICK), np.zeros((3, 16, 12), np.uint8)
    walk[0, 4:12, 4:8] = 255  # `embed` would not send it
    request = WalkRequest(signature="serving_default", rows=(0,), inputs={"silhouettes": walk[None]})
    with pytest.raises(RefusedRequestError, match=r"'tiny': A walk ends with frames without a body, [^\[]*are real\.$"):
        client.predict(request, served=client.metadata())


@pytest.mark.slow
def test_a_thousand_requests_leave_nothing_behind(server):
    """A connection, a thread or a timer that stayed for every request would be seen here."""
    client = Client(server.rest, **QUICK)
    client.status()

    def things():
        gc.collect()
        sockets = sum(isinstance(each, socket.socket) for each in gc.get_objects())
        return sockets, threading.active_count()

    before = things()
    for _ in range(1000):
        client.status()
    time.sleep(0.05)
    after = things()
    assert after[0] <= before[0] + 1 and after[1] <= before[1] + 1
    client.close()
