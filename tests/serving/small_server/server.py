"""The two interfaces of the server, and the faults that tests give it."""

import contextlib
import pathlib
import threading
from concurrent import futures

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from small_server.model import LoadedVersion
from small_server.rest import start_rest
from small_server.status import StatusError


class SmallServer:
    """TF Serving's interfaces at 127.0.0.1 to the versions of one SavedModel, on free ports.

    Args:
        folder: Folder of the versions, or of one version.
        name: Name of the model.
        labels: {label: version}.
        batching: Arguments of `small_server.batching.Batcher`; None computes every request by itself.

    Attributes:
        rest, grpc: URLs.
        num_requests: Number of requests so far.
        fault: None, or a function that is called with the path (REST) or the method's name (gRPC) before a request is
            computed; it may sleep, or raise StatusError.
        change: None, or a function from {output: array} to {output: array}.
        raw_answer: None, or bytes that REST answers instead.
        announced_length: None, or the length that REST announces for them.
    """

    def __init__(self, folder, *, name, labels=None, batching=None):
        folder = pathlib.Path(folder)
        found = [folder] if (folder / "saved_model.pb").exists() else folder.glob("*/")
        self.versions = {int(path.name): LoadedVersion(path, batching) for path in found if path.name.isdecimal()}
        self.name, self.labels = name, labels or {}
        self.num_requests, self.fault, self.change = 0, None, None
        self.raw_answer = self.announced_length = None
        self._count = threading.Lock()
        self._grpc = grpc.server(
            futures.ThreadPoolExecutor(64),
            options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
        )
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(_Prediction(self), self._grpc)
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(_Models(self), self._grpc)
        self.grpc = f"grpc://127.0.0.1:{self._grpc.add_insecure_port('127.0.0.1:0')}"
        self._grpc.start()
        self._rest = start_rest(self)
        self.rest = f"http://127.0.0.1:{self._rest.server_port}"

    def close(self):
        self._grpc.stop(0).wait()
        self._rest.shutdown()
        self._rest.server_close()
        for version in self.versions.values():
            version.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def enter(self, what):
        """Count a request, and give it the fault."""
        with self._count:
            self.num_requests += 1
        if self.fault is not None:
            self.fault(what)

    def find(self, name, *, version=None, label=None):
        """Return (number, LoadedVersion) that a request means."""
        if label is not None and name == self.name:
            if label not in self.labels:
                raise StatusError("INVALID_ARGUMENT", f"Unrecognized servable version label: {label}")
            version = self.labels[label]
        if name != self.name or (version is not None and version not in self.versions):
            asked = f"Latest({name})" if version is None else f"Specific({name}, {version})"
            raise StatusError("NOT_FOUND", f"Servable not found for request: {asked}")
        number = max(self.versions) if version is None else version
        return number, self.versions[number]

    def predict(self, loaded, *, signature, inputs):
        outputs = loaded.predict(signature, inputs)
        return outputs if self.change is None else self.change(outputs)

    def states(self, name, *, version=None, label=None):
        """Return a GetModelStatusResponse."""
        if name != self.name:
            raise StatusError("NOT_FOUND", f"Could not find any versions of model {name}")
        wanted = [self.find(name, version=version, label=label)[0]] if version or label else sorted(self.versions)
        answer = get_model_status_pb2.GetModelStatusResponse()
        for number in reversed(wanted):
            state = answer.model_version_status.add(version=number)
            state.state = get_model_status_pb2.ModelVersionStatus.AVAILABLE
            state.status.error_code = 0
        return answer

    def metadata(self, name, *, version=None, label=None):
        """Return (number of the version, SignatureDefMap)."""
        number, loaded = self.find(name, version=version, label=label)
        definitions = get_model_metadata_pb2.SignatureDefMap()
        for key, definition in loaded.definitions.items():
            definitions.signature_def[key].CopyFrom(definition)
        return number, definitions


def _spec_of(request):
    spec = request.model_spec
    kind = spec.WhichOneof("version_choice")
    return {
        "name": spec.name,
        "version": spec.version.value if kind == "version" else None,
        "label": spec.version_label if kind == "version_label" else None,
    }


@contextlib.contextmanager
def _aborting(server, context, what):
    try:
        server.enter(what)
        yield
    except StatusError as error:
        context.abort(grpc.StatusCode[error.code], error.message)


class _Prediction(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, server):
        self.server = server

    def Predict(self, request, context):
        answer = predict_pb2.PredictResponse()
        with _aborting(self.server, context, "Predict"):
            number, loaded = self.server.find(**_spec_of(request))
            inputs = {name: tf.make_ndarray(each) for name, each in request.inputs.items()}
            outputs = self.server.predict(loaded, signature=request.model_spec.signature_name, inputs=inputs)
            for name, array in outputs.items():
                answer.outputs[name].CopyFrom(tf.make_tensor_proto(np.asarray(array)))
            answer.model_spec.name, answer.model_spec.version.value = self.server.name, number
            answer.model_spec.signature_name = request.model_spec.signature_name or "serving_default"
        return answer

    def GetModelMetadata(self, request, context):
        answer = get_model_metadata_pb2.GetModelMetadataResponse()
        with _aborting(self.server, context, "GetModelMetadata"):
            number, definitions = self.server.metadata(**_spec_of(request))
            answer.model_spec.name, answer.model_spec.version.value = self.server.name, number
            answer.metadata["signature_def"].Pack(definitions)
        return answer


class _Models(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, server):
        self.server = server

    def GetModelStatus(self, request, context):
        answer = get_model_status_pb2.GetModelStatusResponse()
        with _aborting(self.server, context, "GetModelStatus"):
            answer = self.server.states(**_spec_of(request))
        return answer
