"""A small export and a server for it, shared by the tests of the client."""

import keras
import numpy as np
import pytest

from tf3dlocal.serving import ExportedModel, export

HEIGHT, WIDTH = 16, 12


def tiny_model(*, channels=5, seed=3):
    """A network from [batch, frames, 16, 12, 1] to an embedding of 2 parts."""
    keras.utils.set_random_seed(seed)
    silhouettes = keras.Input((None, HEIGHT, WIDTH, 1), name="silhouettes")
    x = keras.layers.Conv3D(4, 3, padding="same", activation="relu")(silhouettes)
    x = keras.layers.GlobalAveragePooling3D()(x)  # frames of padding would change it
    parts = keras.layers.Reshape((2, channels))(keras.layers.Dense(2 * channels)(x))
    return keras.Model(silhouettes, {"embedding": parts}, name="tiny")


@pytest.fixture(scope="session")
def tiny_export(tmp_path_factory):
    """Folder of an export with the versions 1 and 2, of other weights."""
    folder = tmp_path_factory.mktemp("tiny_export") / "tiny"
    for version in (1, 2):
        export(tiny_model(seed=version), folder=folder, version=version)
    return folder


@pytest.fixture(scope="session")
def small_server(tiny_export):
    """A server of `tiny_export`, which batches; each test gets it without faults from `server`."""
    pytest.importorskip("tensorflow_serving.apis", reason="needs tensorflow-serving-api: pip install -e '.[test]'")
    from small_server import SmallServer

    batching = {"max_batch_size": 8, "batch_timeout_micros": 2000}
    with SmallServer(tiny_export, name="tiny", labels={"stable": 1}, batching=batching) as server:
        yield server


@pytest.fixture
def server(small_server):
    """The server of `small_server`, without the faults that the test gives it afterwards."""
    yield small_server
    small_server.fault = small_server.change = small_server.raw_answer = small_server.announced_length = None


@pytest.fixture(params=["rest", "grpc"])
def url(server, request):
    """URL of the server, by REST and by gRPC."""
    return getattr(server, request.param)


@pytest.fixture(scope="session")
def local_answer(tiny_export):
    """A function from walks to their embeddings by the export's version 2 (or 1), one walk at a time."""
    embedders = {version: ExportedModel(tiny_export / str(version)) for version in (1, 2)}

    def embed(walks, version=2):
        return np.concatenate([embedders[version].embed(walk[None]) for walk in walks])

    return embed


@pytest.fixture(scope="session")
def walks():
    """Four walks of 9, 4, 9 and 12 frames, each uint8 [frames, 16, 12]."""
    random = np.random.default_rng(7)
    return [random.integers(0, 256, (frames, HEIGHT, WIDTH), dtype=np.uint8) for frames in (9, 4, 9, 12)]
