"""The server of the tests follows TF Serving's rules, by hand: otherwise the tests of the client would show nothing."""

import base64
import http.client
import json
import threading

import numpy as np
import pytest
from small_server import StatusError
from small_server.batching import Batcher, merge


def ask(server, path, body=None):
    """(HTTP status, answer) of a request with the standard library alone."""
    connection = http.client.HTTPConnection(server.rest.removeprefix("http://"))
    try:
        connection.request("GET" if body is None else "POST", path, body=None if body is None else json.dumps(body))
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def test_requests_are_padded_with_their_first_element_concatenated_and_rounded_up():
    batch = [{"x": np.array([[7, 1]])}, {"x": np.array([[5, 2, 3, 4], [6, 1, 1, 1]])}]
    merged = merge(batch, pad=True, allowed_sizes=(1, 2, 4, 8))
    assert merged["x"].tolist() == [[7, 1, 7, 7], [5, 2, 3, 4], [6, 1, 1, 1], [5, 2, 3, 4]]
    with pytest.raises(StatusError, match="padding is turned off"):
        merge(batch, pad=False, allowed_sizes=())


def test_each_request_gets_its_rows_and_one_that_fails_fails_its_batch():
    def double(inputs):
        if (inputs["x"] < 0).any():
            raise StatusError("INVALID_ARGUMENT", "negative")
        return {"y": 2 * inputs["x"]}

    batcher = Batcher(double, max_batch_size=3, batch_timeout_micros=200_000, num_batch_threads=1)
    try:
        answers = {}

        def send(key, rows):
            try:
                answers[key] = batcher({"x": np.array(rows)})["y"].tolist()
            except StatusError as error:
                answers[key] = error.message

        for requests in ({"a": [1], "b": [2, 3]}, {"c": [4], "d": [-1, 5]}):
            threads = [threading.Thread(target=send, args=item) for item in requests.items()]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert answers == {"a": [2], "b": [4, 6], "c": "negative", "d": "negative"}
        assert batcher.sizes == [2, 2]
    finally:
        batcher.close()


def test_rows_and_columns_of_json_get_the_same_answer(server, walks, local_answer):
    walk = walks[0].tolist()
    path, expected = "/v1/models/tiny:predict", local_answer(walks[:1])
    _, rows = ask(server, path, {"instances": [walk]})
    _, named_rows = ask(server, path, {"instances": [{"silhouettes": walk}]})
    _, columns = ask(server, path, {"inputs": [walk]})
    _, named_columns = ask(server, path, {"inputs": {"silhouettes": [walk]}})
    variable = {"signature_name": "variable", "instances": [{"silhouettes": walk, "num_frames": len(walk)}]}
    _, of_variable = ask(server, path, variable)
    for answer in (rows["predictions"], named_rows["predictions"], columns["outputs"], named_columns["outputs"]):
        np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(of_variable["predictions"], expected, rtol=0, atol=1e-6)


def test_the_padding_of_a_batch_changes_no_walk_in_any_signature(server, walks, local_answer):
    """All rows of a request are padded with the first element of the request, which is the first walk's."""
    import cv2

    from tf3dlocal.serving.client import draw_walk

    drawn = {frames: np.pad(draw_walk(frames, size=(60, 50)), ((0, 0), (5, 5), (9, 9))) for frames in (3, 5, 9)}
    drawn[4] = drawn[9][5:]
    masks = {frames: mask[::-1] for frames, mask in drawn.items()}  # a body of the middle of the swing comes last
    files = {n: [cv2.imencode(".png", one)[1].tobytes() for one in mask] for n, mask in masks.items()}
    random = {frames: np.random.default_rng(frames).integers(1, 256, (frames, 16, 12), np.uint8) for frames in drawn}

    def png(*lengths, begin=()):
        rows = [[*begin, *files[n]] + [b""] * (max(lengths) - n) for n in lengths]
        return {"frames_bytes": np.array(rows, object)}

    def png_after_an_empty_text(*lengths):
        return png(*lengths, begin=(b"",))

    def raw(*lengths):
        return {"masks": np.stack([masks[n][: min(lengths)] for n in lengths])}

    def variable(*lengths):
        rows = [np.pad(random[n], ((0, max(lengths) - n), (0, 0), (0, 0))) for n in lengths]
        return {"silhouettes": np.stack(rows), "num_frames": np.array(lengths, np.int32)}

    run = server.versions[2].run
    for inputs in (png, png_after_an_empty_text, raw, variable):
        signature = inputs.__name__.partition("_")[0]
        requests = [inputs(5, 3, 4), inputs(9), inputs(3, 5), inputs(4)]
        together = run[signature](merge(requests, pad=True, allowed_sizes=()))["embedding"]
        alone = np.concatenate([run[signature](request)["embedding"] for request in requests])
        np.testing.assert_allclose(together, alone, rtol=0, atol=1e-6, err_msg=inputs.__name__)


def test_base64_carries_the_bytes_of_pictures(server):
    import cv2

    from tf3dlocal.serving.client import draw_walk

    masks = np.pad(draw_walk(4, size=(60, 50)), ((0, 0), (5, 5), (9, 9)))
    encoded = [{"b64": base64.b64encode(cv2.imencode(".png", mask)[1].tobytes()).decode()} for mask in masks]
    body = {"signature_name": "png", "instances": [{"frames_bytes": encoded}]}
    _, by_png = ask(server, "/v1/models/tiny:predict", body)
    body = {"signature_name": "raw", "instances": [{"masks": masks.tolist()}]}
    _, by_raw = ask(server, "/v1/models/tiny:predict", body)
    np.testing.assert_allclose(by_png["predictions"], by_raw["predictions"], rtol=0, atol=1e-6)


def test_status_and_metadata_have_the_form_that_tf_serving_documents(server):
    status, answer = ask(server, "/v1/models/tiny/versions/1")
    state = {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    assert (status, answer) == (200, {"model_version_status": [state]})
    status, answer = ask(server, "/v1/models/tiny/labels/stable/metadata")
    assert status == 200
    assert answer["model_spec"] == {"name": "tiny", "signature_name": "", "version": "1"}
    taken = answer["metadata"]["signature_def"]["signature_def"]["serving_default"]["inputs"]["silhouettes"]
    assert taken["dtype"] == "DT_UINT8"
    assert [dim["size"] for dim in taken["tensor_shape"]["dim"]] == ["-1", "-1", "16", "12"]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/v1/models/other:predict", {"inputs": 1}, 404, "Servable not found for request: Latest(other)"),
        ("/v1/models/other", None, 404, "Could not find any versions of model other"),
        ("/v2/models", None, 400, "Malformed request: GET /v2/models"),
        ("/v1/models/tiny:predict", {"inputs": [[[["a"]]]]}, 400, "cannot be converted to uint8"),
        ("/v1/models/tiny:predict", {"inputs": [[[[256]]]]}, 400, "out of the type's range"),
        ("/v1/models/tiny:predict", {"inputs": [[[[1.5]]]]}, 400, "cannot be converted to uint8"),
        ("/v1/models/tiny:predict", {"inputs": [[[[1]]]]}, 400, "has the shape [1,1,1,1]"),
        ("/v1/models/tiny:predict", {}, 400, "exactly one of 'instances' and 'inputs'"),
        ("/v1/models/tiny:predict", {"signature_name": "none", "inputs": 1}, 400, "not found in signature def"),
    ],
)
def test_an_error_is_json_with_its_http_status(server, path, body, status, message):
    found, answer = ask(server, path, body)
    assert found == status
    assert message in answer["error"]
