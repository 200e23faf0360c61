"""TF Serving's gRPC interface, with the messages of the package tensorflow-serving-api."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2

from tf3dlocal.serving.client.address import Address
from tf3dlocal.serving.client.errors import ServingApiMissingError, ServingError, UnusableAnswerError, error_of
from tf3dlocal.serving.client.served_model import ServedModel, Signature, TensorFacts, VersionStatus, dtype_name

try:
    import grpc
    from tensorflow_serving.apis import (
        get_model_metadata_pb2,
        get_model_status_pb2,
        model_pb2,
        model_service_pb2_grpc,
        predict_pb2,
        prediction_service_pb2_grpc,
    )
except ImportError as error:
    raise ServingApiMissingError(
        "gRPC needs the package tensorflow-serving-api: pip install 'tf3dlocal[serving]'. REST needs no package: "
        "http://HOST:8501 instead of grpc://HOST:8500."
    ) from error

MOST_ANSWER_BYTES = 2**27
# The defaults wait up to two minutes before they connect again; this client has its own retries.
OPTIONS = (
    ("grpc.max_receive_message_length", MOST_ANSWER_BYTES),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),  # otherwise another client's broken connection would delay this one
)


class GrpcTransport:
    """Requests to one model by gRPC; several threads may share it.

    Args:
        address: Server and model.

    Raises:
        ImportError: tensorflow-serving-api is not installed.
    """

    def __init__(self, address: Address):
        self.address = address
        target = address.server.partition("://")[2]
        if address.scheme == "grpcs":
            self._channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(), options=OPTIONS)
        else:
            self._channel = grpc.insecure_channel(target, options=OPTIONS)
        self._predict = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def predict(
        self, inputs: Mapping[str, np.ndarray], *, signature: str, version: int | None, timeout: float
    ) -> dict[str, np.ndarray]:
        """Compute the outputs of a signature."""
        request = predict_pb2.PredictRequest(model_spec=self._spec(version, signature))
        for name, array in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
        answer = self._ask(self._predict.Predict, request, timeout=timeout)
        try:
            return {name: np.asarray(tf.make_ndarray(each), np.float32) for name, each in answer.outputs.items()}
        except (TypeError, ValueError):
            raise self._unusable("its outputs are no tensors of numbers") from None

    def metadata(self, *, timeout: float) -> ServedModel:
        """Read version and signatures."""
        spec = self._spec(self.address.version)
        request = get_model_metadata_pb2.GetModelMetadataRequest(model_spec=spec, metadata_field=["signature_def"])
        answer = self._ask(self._predict.GetModelMetadata, request, timeout=timeout)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        if not answer.metadata["signature_def"].Unpack(signatures):
            raise self._unusable("it has no signature_def, as TF Serving's metadata have")
        return ServedModel(
            name=answer.model_spec.name,
            version=answer.model_spec.version.value,
            signatures={name: _signature(each) for name, each in signatures.signature_def.items()},
        )

    def status(self, *, timeout: float) -> list[VersionStatus]:
        """Read the states of the versions."""
        request = get_model_status_pb2.GetModelStatusRequest(model_spec=self._spec(self.address.version))
        answer = self._ask(self._models.GetModelStatus, request, timeout=timeout)
        return [
            VersionStatus(version=each.version, state=_state_name(each.state), error=each.status.error_message)
            for each in answer.model_version_status
        ]

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def _spec(self, version: int | None, signature: str = "") -> Any:
        spec = model_pb2.ModelSpec(name=self.address.name, signature_name=signature)
        if version is not None:
            spec.version.value = version
        elif self.address.label is not None:
            spec.version_label = self.address.label
        return spec

    def _ask(self, method: Any, request: Any, *, timeout: float) -> Any:
        try:
            return method(request, timeout=timeout)
        except grpc.RpcError as error:
            raise self._error(error.code(), error.details() or "") from None

    def _error(self, code: Any, details: str) -> ServingError:
        if "message larger than max" in details.lower():
            return self._unusable(f"it is longer than {MOST_ANSWER_BYTES} bytes, or the request is too long: {details}")
        if code in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN) and "deserializ" in details.lower():
            return self._unusable("it is no message of TF Serving")
        return error_of(code.name, details, where=self.address.server, what=self.address.what)

    def _unusable(self, reason: str) -> UnusableAnswerError:
        return UnusableAnswerError(
            f"{self.address.server} gave an answer for {self.address.what} that cannot be used: {reason}."
        )


def _state_name(state: int) -> str:
    names = get_model_status_pb2.ModelVersionStatus.State
    return names.Name(state) if state in names.values() else "UNKNOWN"


def _signature(given: Any) -> Signature:
    def facts(tensors: Any) -> dict[str, TensorFacts]:
        return {
            name: TensorFacts(dtype=dtype_name(types_pb2.DataType.Name(each.dtype)), shape=_shape(each.tensor_shape))
            for name, each in tensors.items()
        }

    return Signature(inputs=facts(given.inputs), outputs=facts(given.outputs))


def _shape(given: Any) -> tuple[int | None, ...] | None:
    if given.unknown_rank:
        return None
    return tuple(None if dim.size < 0 else dim.size for dim in given.dim)
