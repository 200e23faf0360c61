"""Numbers, sizes and versions that no export has: the client refuses them, in bounded time and memory."""

import http.server
import itertools
import json
import threading
import time
import tracemalloc
import types
import warnings

import numpy as np
import pytest

from tf3dlocal.serving import Client, check_server
from tf3dlocal.serving.client import ServerTimeoutError, SignatureNotFoundError, UnusableAnswerError, WalkRequest

pytestmark = pytest.mark.bad_input
NO_NUMBERS = ["Infinity", "NaN", "1e999", "1.5", "true", "null", "[[1]]", '{"a": 1}', "9" * 30, "9" * 5000, '"x"']


def tensor(dtype, sizes):
    return {"dtype": dtype, "tensor_shape": {"dim": [{"size": size} for size in sizes], "unknown_rank": False}}


def texts(*, size=(16, 12), embedding=(-1, 2, 5), outputs=None):
    """What a server of one version answers, as {end of the path: text}."""
    signature = {
        "inputs": {"silhouettes": tensor("DT_UINT8", (-1, -1, *size))},
        "outputs": {"embedding": tensor("DT_FLOAT", embedding)},
    }
    return {
        "m": json.dumps({"model_version_status": [{"version": 1, "state": "AVAILABLE", "status": {}}]}),
        "metadata": json.dumps(
            {
                "model_spec": {"name": "m", "version": 1},
                "metadata": {"signature_def": {"signature_def": {"serving_default": signature}}},
            }
        ),
        "m:predict": outputs or json.dumps({"outputs": np.ones((1, 2, 5)).tolist()}),
    }


@pytest.fixture
def client_of():
    """A function from what a server answers to a client of this server, which needs no TensorFlow."""
    servers = []

    def start(answers, **options):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                name = "m:predict" if self.path.endswith(":predict") else self.path.rpartition("/")[2]
                content = answers["m" if name.isdecimal() else name].encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_POST(self):
                self.do_GET()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                """A client that refuses a long answer closes the connection."""

        servers.append(Server(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return Client(f"http://127.0.0.1:{servers[-1].server_port}", name="m", timeout=5, **options)

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def walk():
    found = np.zeros((4, 16, 12), np.uint8)
    found[:, 2:14, 4:8] = 255
    return found


def test_the_server_of_these_tests_is_one_that_passes(client_of, walk):
    client = client_of(texts())
    assert client.embed([walk]).shape == (1, 2, 5)
    assert check_server(client, num_requests=1).passed


@pytest.mark.parametrize("number", NO_NUMBERS)
def test_what_is_no_whole_number_is_named(client_of, walk, number):
    """Whatever Python raises for it, such as OverflowError of int(float("inf"))."""
    for part, old, message in (
        ("m", '"version": 1', "no model_version_status"),
        ("metadata", '"version": 1', "no model_spec and signature_def"),
        ("metadata", '"size": 16', "no model_spec and signature_def"),
    ):
        answers = texts()
        assert old in answers[part]
        answers[part] = answers[part].replace(old, f"{old.rpartition(' ')[0]} {number}")
        with pytest.raises(UnusableAnswerError, match=f"{message}|not a JSON object"):
            check_server(client_of(answers), num_requests=1)


@pytest.mark.parametrize("number", ["1" * 400, "1" * 5000, '"1.5"', "true", "null", "{}"])
def test_an_embedding_of_something_else_than_numbers_is_named(client_of, walk, number):
    outputs = texts()["m:predict"].replace("1.0", number)
    with pytest.raises(UnusableAnswerError, match="no array of numbers|not a JSON object"):
        client_of(texts(outputs=outputs)).embed([walk])


def test_numbers_too_large_for_float32_are_not_finite_and_raise_no_warning(client_of, walk):
    outputs = texts()["m:predict"].replace("1.0", "1e39")
    with warnings.catch_warnings(), pytest.raises(UnusableAnswerError, match=r"not finite .* for the walks \[0\]"):
        warnings.simplefilter("error")
        client_of(texts(outputs=outputs)).embed([walk])


@pytest.mark.parametrize("size", [(0, 0), (0, 12), (16, 0), (3000, 3000), (16, 513), (10**15, 10**15), (-1, 12)])
def test_an_announced_size_that_no_export_has_is_refused_before_anything_is_drawn(client_of, walk, size):
    begin = time.monotonic()
    for ask in (lambda client: check_server(client, num_requests=1), lambda client: client.embed([walk])):
        with pytest.raises(SignatureNotFoundError, match="height and width from 1 to 512"):
            ask(client_of(texts(size=size)))
    assert time.monotonic() - begin < 2


@pytest.mark.parametrize("shape", [(-1, 0, 5), (-1, 2**20, 2**20), (-1, 2**17)])
def test_an_announced_embedding_of_an_impossible_length_is_refused(client_of, walk, shape):
    with pytest.raises(SignatureNotFoundError, match="from 1 to 65,536 numbers"):
        client_of(texts(embedding=shape)).embed([walk])


@pytest.mark.parametrize("part", ["m", "metadata", "m:predict"])
def test_an_answer_longer_than_its_contents_need_is_not_parsed(client_of, part):
    """Ten million empty lists: parsed, they have a gigabyte."""
    client = client_of(texts() | {part: '{"outputs": [' + "[]," * 10_000_000 + "[]]}"})
    tracemalloc.start()
    begin = time.monotonic()
    with pytest.raises(UnusableAnswerError, match=r"longer than 10\d{5} bytes"):
        check_server(client, num_requests=1)
    most_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.monotonic() - begin < 5 and most_bytes < 2**27


def test_a_request_is_encoded_once_for_all_of_its_tries(client_of, walk, monkeypatch):
    client = client_of(texts(), backoff=0.001)
    served, transport, count = client.metadata(), client._transport, itertools.count()
    encoded, predict = transport.encoded, transport.predict

    def counted(*arguments, **options):
        next(count)
        return encoded(*arguments, **options)

    def too_slow_at_first(sent, **options):
        if client.num_retries < 2:
            raise ServerTimeoutError("too slow")
        return predict(sent, **options)

    monkeypatch.setattr(transport, "encoded", counted)
    monkeypatch.setattr(transport, "predict", too_slow_at_first)
    request = WalkRequest(signature="serving_default", rows=(0,), inputs={"silhouettes": walk[None]})
    assert client.predict(request, served=served).shape == (1, 2, 5)
    assert (client.num_retries, next(count)) == (2, 1)


@pytest.mark.parametrize("version", [0, 2, 2**63 - 1])
def test_another_version_than_the_requested_one_is_refused(client_of, walk, version):
    for ask in (lambda client: check_server(client, num_requests=1), lambda client: client.embed([walk])):
        with pytest.raises(UnusableAnswerError, match=f"version {version} that cannot be used: .* of version 1"):
            ask(client_of(texts(), version=version))
    assert client_of(texts(), version=1).embed([walk]).shape == (1, 2, 5)


def test_arguments_out_of_their_range_are_refused_with_the_range():
    with pytest.raises(ValueError, match="from 0 to 9223372036854775807; got 99999999999999999999999"):
        Client("http://127.0.0.1:1", version=99999999999999999999999)
    for wrong in (4e6, float("inf"), float("nan"), 0):
        with pytest.raises(ValueError, match="timeout must be at least 0.001 and less than 1,000,000; got"):
            Client("http://127.0.0.1:1", timeout=wrong)


def test_grpc_answers_have_the_same_limits(monkeypatch):
    """A tensor of one number may announce any shape, and would be as many copies of it."""
    pytest.importorskip("tensorflow_serving.apis", reason="needs tensorflow-serving-api: pip install -e '.[test]'")
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    transport = Client("grpc://127.0.0.1:1", name="m")._transport

    def answer(content):
        sent = predict_pb2.PredictResponse(outputs={"embedding": content})
        monkeypatch.setattr(transport, "_predict", types.SimpleNamespace(Predict=lambda request, timeout: sent))
        return transport.predict(None, most_numbers=10, timeout=1)["embedding"]

    lying = tf.make_tensor_proto([[1.0]])
    lying.tensor_shape.dim[1].size = 2**40
    for wrong in (lying, tf.make_tensor_proto([b"text"]), tf.make_tensor_proto([True])):
        with pytest.raises(UnusableAnswerError, match="no tensors of at most 10 numbers"):
            answer(wrong)
    with pytest.raises(UnusableAnswerError, match="longer than 1048896 bytes"):
        answer(tf.make_tensor_proto(np.zeros(2**20)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert answer(tf.make_tensor_proto(np.array([[1e39, 1.0]]))).tolist() == [[np.inf, 1.0]]
