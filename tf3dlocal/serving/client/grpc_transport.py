"""TF Serving's gRPC interface, with the messages of the package tensorflow-serving-api."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2

from tf3dlocal.serving.client.address import Address
from tf3dlocal.serving.client.answers import MOST_BYTES, most_answer_bytes, numbers_of, reading, unusable
from tf3dlocal.serving.client.errors import ServingApiMissingError, ServingError, error_of
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

MOST_ANSWER_BYTES = 2**24  # of any answer; `most_answer_bytes` is the limit of one answer
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

    def encoded(
        self, inputs: Mapping[str, np.ndarray], *, signature: str, version: int | None
    ) -> predict_pb2.PredictRequest:
        """Return the message of a prediction."""
        request = predict_pb2.PredictRequest(model_spec=self._spec(version, signature))
        for name, array in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
        return request

    def predict(
        self, encoded: predict_pb2.PredictRequest, *, most_numbers: int, timeout: float
    ) -> dict[str, np.ndarray]:
        """Compute the outputs of a signature: at most `most_numbers` numbers."""
        most_bytes = most_answer_bytes(most_numbers)
        answer = self._ask(self._predict.Predict, encoded, timeout=timeout, most_bytes=most_bytes)
        with reading(self.address, f"its outputs are no tensors of at most {most_numbers} numbers"):
            return {name: _numbers(each, most_numbers) for name, each in answer.outputs.items()}

    def metadata(self, *, timeout: float) -> ServedModel:
        """Read version and signatures."""
        spec = self._spec(self.address.version)
        request = get_model_metadata_pb2.GetModelMetadataRequest(model_spec=spec, metadata_field=["signature_def"])
        answer = self._ask(self._predict.GetModelMetadata, request, timeout=timeout)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        with reading(self.address, "it has no signature_def, as TF Serving's metadata have"):
            if not answer.metadata["signature_def"].Unpack(signatures):
                raise ValueError
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

    def _ask(self, method: Any, request: Any, *, timeout: float, most_bytes: int = MOST_BYTES) -> Any:
        try:
            answer = method(request, timeout=timeout)
        except grpc.RpcError as error:
            raise self._error(error.code(), error.details() or "") from None
        if answer.ByteSize() > most_bytes:
            raise unusable(self.address, f"it is longer than {most_bytes} bytes")
        return answer

    def _error(self, code: Any, details: str) -> ServingError:
        if "message larger than max" in details.lower():
            return unusable(
                self.address, f"it is longer than {MOST_ANSWER_BYTES} bytes, or the request is too long: {details}"
            )
        if code in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN) and "deserializ" in details.lower():
            return unusable(self.address, "it is no message of TF Serving")
        return error_of(code.name, details, where=self.address.server, what=self.address.what)


def _state_name(state: int) -> str:
    names = get_model_status_pb2.ModelVersionStatus.State
    return names.Name(state) if state in names.values() else "UNKNOWN"


def _numbers(tensor: tensor_pb2.TensorProto, most_numbers: int) -> np.ndarray:
    """Return a tensor; one number with a shape is an array of this shape, so the shape is checked first."""
    sizes = [dim.size for dim in tensor.tensor_shape.dim]
    if min(sizes, default=0) < 0 or math.prod(sizes) > most_numbers or tensor.dtype == types_pb2.DT_STRING:
        raise ValueError(f"shape {sizes[:10]}")
    return numbers_of(tf.make_ndarray(tensor))


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
