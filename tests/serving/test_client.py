"""A client gets from a server what the export answers here, in the order of its walks, by REST and by gRPC."""

import subprocess
import sys
import threading

import cv2
import numpy as np
import pytest

from tf3dlocal.serving import Client, ExportedModel, ServingError, check_server, read_walk_folder
from tf3dlocal.serving.client import (
    ModelNotFoundError,
    RefusedRequestError,
    SignatureNotFoundError,
    draw_walk,
)
from tf3dlocal.serving.client.address import parse_address

CLOSE = {"rtol": 0, "atol": 1e-6}


@pytest.mark.slow
def test_walks_of_different_lengths_get_the_local_answers_in_their_order(url, walks, local_answer):
    with Client(url, name="tiny") as client:
        np.testing.assert_allclose(client.embed(walks), local_answer(walks), **CLOSE)
        np.testing.assert_allclose(client.embed(walks[::-1]), local_answer(walks[::-1]), **CLOSE)


def test_an_array_of_walks_is_taken_as_well_as_a_list(url, walks, local_answer):
    pair = np.stack([walks[0], walks[2]])
    np.testing.assert_allclose(Client(url, name="tiny").embed(pair), local_answer(pair), **CLOSE)


def test_many_frames_are_sent_in_several_requests(url, server, walks, local_answer):
    client = Client(url, name="tiny", frames_per_request=18)
    before = server.num_requests
    np.testing.assert_allclose(client.embed(walks), local_answer(walks), **CLOSE)
    # one for the metadata; 4 and 9 frames, padded to 18; 9 frames, as 9 + 12 would be padded to 24; 12 frames
    assert server.num_requests - before == 4


def test_no_request_has_more_walks_than_the_batches_of_the_server(url, server, local_answer):
    """TF Serving refuses a request of more than max_batch_size, 8 in the file that an export holds."""
    many = [np.full((2 + i % 2, 16, 12), 10 + i, np.uint8) for i in range(19)]
    before = server.num_requests
    np.testing.assert_allclose(Client(url, name="tiny").embed(many), local_answer(many), **CLOSE)
    assert server.num_requests - before == 4  # the metadata, 8, 8 and 3 walks
    with pytest.raises(RefusedRequestError, match="Task size 19 is larger than maximum input batch size 8"):
        Client(url, name="tiny", walks_per_request=19).embed(many)


@pytest.mark.parametrize(("wanted", "answers"), [({"version": 1}, 1), ({"label": "stable"}, 1), ({}, 2)])
def test_the_version_or_the_label_decides_which_version_answers(url, walks, local_answer, wanted, answers):
    client = Client(url, name="tiny", **wanted)
    assert client.metadata().version == answers
    np.testing.assert_allclose(client.embed(walks), local_answer(walks, answers), **CLOSE)


def test_status_and_metadata_say_what_the_server_has(url):
    client = Client(url, name="tiny")
    assert [(each.version, each.state, each.error) for each in client.status()] == [
        (2, "AVAILABLE", ""),
        (1, "AVAILABLE", ""),
    ]
    assert [each.version for each in Client(url, name="tiny", version=1).status()] == [1]
    served = client.metadata()
    assert (served.name, served.version) == ("tiny", 2)
    assert {"serving_default", "float", "variable", "raw", "png"} == set(served.signatures)
    taken = served.signatures["variable"]
    assert {name: (each.dtype, each.shape) for name, each in taken.inputs.items()} == {
        "silhouettes": ("uint8", (None, None, 16, 12)),
        "num_frames": ("int32", (None,)),
    }
    assert taken.outputs["embedding"].shape == (None, 2, 5)


def test_a_version_that_is_unloaded_between_two_requests_is_no_error(url, server, walks, local_answer):
    """TF Serving unloads the old version when a new one is there; all answers of one call come from one version."""
    client, newest = Client(url, name="tiny"), server.versions[2]

    def unload(what):
        if "predict" in what.lower():
            server.versions.pop(2, None)

    server.fault = unload
    try:
        np.testing.assert_allclose(client.embed(walks), local_answer(walks, 1), **CLOSE)
    finally:
        server.fault, server.versions[2] = None, newest
    np.testing.assert_allclose(client.embed(walks), local_answer(walks, 2), **CLOSE)


def raw_masks(frames, shape):
    masks = np.zeros((frames, *shape), np.uint8)
    masks[:, 10 : shape[0] - 10] = draw_walk(frames, size=(shape[0] - 20, shape[1]), left=0.2)
    return masks


def test_masks_of_any_size_are_aligned_by_the_model(url, tiny_export, walks, tmp_path):
    masks = [raw_masks(6, (90, 120)), raw_masks(8, (100, 110)), raw_masks(8, (90, 120))]
    found = Client(url, name="tiny").embed([masks[0], walks[0], *masks[1:]])
    embedder = ExportedModel(tiny_export)
    for row, mask in ((0, masks[0]), (2, masks[1]), (3, masks[2])):
        folder = tmp_path / str(row)
        folder.mkdir()
        for i, frame in enumerate(mask):
            cv2.imwrite(str(folder / f"{i}.png"), frame)
        read = read_walk_folder(folder, height=16, width=12).silhouettes
        np.testing.assert_allclose(found[row], embedder.embed(read[None])[0], rtol=0, atol=2e-3)
    by_folder = Client(url, name="tiny").embed([tmp_path / "3", str(tmp_path / "0"), tmp_path / "2"])
    np.testing.assert_allclose(by_folder, found[[3, 0, 2]], **CLOSE)


def write_pngs(folder, masks):
    folder.mkdir(exist_ok=True)
    for i, frame in enumerate(masks):
        cv2.imwrite(str(folder / f"{i}.png"), frame)


def test_a_folder_of_aligned_silhouettes_is_read_as_embed_reads_it(url, tmp_path, local_answer):
    walk = draw_walk(5, size=(16, 12))
    for i, frame in enumerate(walk):
        cv2.imwrite(str(tmp_path / f"{i}.png"), frame)
    np.testing.assert_allclose(Client(url, name="tiny").embed([tmp_path]), local_answer([walk]), **CLOSE)


def test_an_older_export_without_variable_gets_walks_of_equal_length_together(
    url, server, walks, local_answer, monkeypatch
):
    """The exports of version 0.1 have the signatures serving_default and float only."""
    version = server.versions[2]
    older = {name: version.definitions[name] for name in ("serving_default", "float")}
    monkeypatch.setattr(version, "definitions", older)
    client, before = Client(url, name="tiny"), server.num_requests
    np.testing.assert_allclose(client.embed(walks), local_answer(walks), **CLOSE)
    assert server.num_requests - before == 4  # metadata; 9 and 9 frames; 4 frames; 12 frames
    with pytest.raises(ValueError, match="no signature 'png'"):
        client.embed([np.zeros((3, 90, 120), np.uint8)])


def test_many_threads_share_a_client_and_each_gets_its_own_answer(url, server, walks, local_answer):
    client, expected, wrong = Client(url, name="tiny"), local_answer(walks), []

    def ask(i):
        for _ in range(5):
            chosen = [(i + k) % 4 for k in range(1 + i % 3)]
            found = client.embed([walks[each] for each in chosen])
            if not np.allclose(found, expected[chosen], **CLOSE):
                wrong.append(i)

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    batches = [
        size for version in server.versions.values() for each in version.batchers.values() for size in each.sizes
    ]
    assert max(batches) > 1, "no two requests were computed in one batch, so nothing was shown"


def test_rest_needs_neither_tensorflow_nor_opencv(tmp_path):
    write_pngs(tmp_path, raw_masks(2, (90, 120)))
    program = (
        "import sys; from tf3dlocal.serving import Client; Client('http://127.0.0.1:1', name='a')\n"
        "from tf3dlocal.serving.client.folders import frames_of_folder\n"
        f"assert len(frames_of_folder({str(tmp_path)!r}, size=(16, 12), takes_png=True)) == 2\n"
        "print(*{'tensorflow', 'keras', 'cv2', 'grpc'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=600)
    assert done.stdout.split() == []


def test_a_client_without_the_messages_says_how_to_install_them_and_what_works_without(monkeypatch):
    monkeypatch.delitem(sys.modules, "tf3dlocal.serving.client.grpc_transport", raising=False)
    monkeypatch.setitem(sys.modules, "tensorflow_serving.apis", None)
    with pytest.raises(ImportError, match=r"pip install 'tf3dlocal\[serving\]'.*http://HOST:8501"):
        Client("grpc://127.0.0.1:8500", name="tiny")


@pytest.mark.bad_input
def test_a_model_version_or_label_that_the_server_lacks_is_named(url):
    with pytest.raises(ModelNotFoundError, match="has no model 'other'.*Servable not found.*MODEL_NAME"):
        Client(url, name="other").embed([np.zeros((1, 16, 12), np.uint8)])
    with pytest.raises(ModelNotFoundError, match="model 'tiny' version 7"):
        Client(url, name="tiny", version=7).metadata()
    with pytest.raises(ModelNotFoundError, match="label 'canary'.*Unrecognized servable version label: canary"):
        Client(url, name="tiny", label="canary").metadata()


@pytest.mark.bad_input
def test_a_model_of_another_kind_is_refused_by_its_signatures(url, server, walks, monkeypatch):
    version = server.versions[2]
    monkeypatch.setattr(version, "definitions", {"serving_default": version.definitions["float"]})
    with pytest.raises(SignatureNotFoundError, match="takes {'silhouettes': 'float32'}.*Is it another model"):
        Client(url, name="tiny").embed(walks)
    monkeypatch.setattr(version, "definitions", {})
    with pytest.raises(SignatureNotFoundError, match="has no signature 'serving_default'"):
        Client(url, name="tiny").embed(walks)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("walks", "message"),
    [
        ([], "There is no walk"),
        (None, r"client.embed\(\[walk\]\); got NoneType"),
        (3, r"client.embed\(\[walk\]\); got int"),
        ("walks/alice", r"client.embed\(\[walk\]\)"),
        (np.zeros((3, 16, 12), np.uint8), r"client.embed\(\[walk\]\)"),
        ([np.zeros((3, 16, 12), np.float32)], r"walks\[0\] is float32 \[3, 16, 12\].*uint8 \[frames >= 1, 16, 12\]"),
        ([np.zeros((0, 16, 12), np.uint8)], r"walks\[0\] is uint8 \[0, 16, 12\]"),
        ([np.zeros((3, 16, 12, 1), np.uint8)], r"walks\[0\] is uint8 \[3, 16, 12, 1\]"),
        ([draw_walk(2, size=(16, 12)), [[1.0, np.nan]]], r"walks\[1\] is float64"),
        ([np.random.default_rng(0).integers(0, 256, (1, 2100, 2100), np.uint8)], r"walks\[0\] has a frame that needs"),
    ],
)
def test_a_walk_that_cannot_be_sent_is_named_with_what_the_model_takes(server, walks, message):
    with pytest.raises(ValueError, match=message):
        Client(server.rest, name="tiny").embed(walks)


@pytest.mark.bad_input
def test_a_sentence_of_the_graph_reaches_the_user(url):
    """Without TensorFlow's words around it, and with the places of the walks in the call instead of a batch's rows."""
    grey = np.random.default_rng(1).integers(0, 256, (3, 90, 120), np.uint8)
    aligned, masks = draw_walk(2, size=(16, 12)), raw_masks(4, (90, 120))
    with pytest.raises(ServingError) as caught:
        Client(url, name="tiny").embed([aligned, masks, aligned, grey])
    told = str(caught.value)
    assert "refused the request to model 'tiny': 3 of the 5 frames of a walk are no silhouettes (colours" in told
    assert told.endswith("255 on the body and 0 elsewhere. Sent together were: walks[1], walks[3].")
    assert "assertion" not in told and "node" not in told


@pytest.mark.bad_input
@pytest.mark.bad_input
@pytest.mark.parametrize("value", [-1, float("nan")])
def test_a_latency_that_is_no_time_is_refused_before_the_first_request(value):
    with Client("http://127.0.0.1:8501", name="tiny") as client:
        with pytest.raises(ValueError, match=r"most_ms \(--latency\) must be a number of at least 0; got"):
            check_server(client, most_ms=value)


def test_a_path_in_a_url_is_sent_as_browsers_send_it():
    assert parse_address("http://h/tür 1/", name="tiny").server == "http://h:8501/t%C3%BCr%201"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"url": "127.0.0.1:8501"}, "is not the URL of a server; write http://HOST:8501"),
        ({"url": "http://"}, "is not the URL"),
        ({"url": "http://h:99999"}, "is not the URL"),
        ({"url": "http://h:8501/v1/models/tiny"}, "names a model"),
        ({"url": "grpc://h:8500/tiny"}, "gRPC has none"),
        ({"url": "http://a..b:8501"}, "is not the URL"),
        ({"url": f"grpc://{'a' * 64}:8500"}, "is not the URL"),
        ({"url": "http://a b:8501"}, "is not the URL"),
        ({"name": "a/b"}, "without '/' and ':'"),
        ({"name": "\udcff"}, "name must be the name of a model"),
        ({"name": ".."}, "name must be the name of a model"),
        ({"label": ""}, "label must be the label of a version on the server, such as 'stable'; got ''"),
        ({"label": 3}, "label must be the label of a version"),
        ({"version": 1, "label": "stable"}, "not both"),
        ({"version": "1"}, "version must be a whole number"),
        ({"timeout": 0}, "timeout must be at least 0.001"),
        ({"timeout": float("nan")}, "timeout must be at least"),
        ({"timeout": None}, "timeout must be a number; got None"),
        ({"timeout": "5"}, "timeout must be a number; got '5'"),
        ({"retries": 1.5}, "retries must be a whole number; got 1.5"),
        ({"retries": True}, "retries must be a whole number; got True"),
        ({"backoff": None}, "backoff must be a number; got None"),
        ({"retries": -1}, "retries must be at least 0"),
        ({"walks_per_request": 0}, "walks_per_request must be at least 1"),
        ({"frames_per_request": 0}, "frames_per_request must be at least 1"),
    ],
)
def test_an_argument_out_of_its_range_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Client(**{"url": "http://127.0.0.1:8501", "name": "tiny"} | arguments)
