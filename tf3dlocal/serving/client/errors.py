"""What can go wrong between a client and a server, one class for each cause."""

import re


class ServingError(Exception):
    """A server gave no usable answer; the subclasses name the cause."""


class ServerUnavailableError(ServingError):
    """Nothing accepts the connection, the connection broke, or the server says that it is unavailable."""


class ServerTimeoutError(ServingError):
    """There was no complete answer within the timeout."""


class ModelNotFoundError(ServingError):
    """The server has no model of this name, version or label."""


class SignatureNotFoundError(ServingError):
    """The model has no signature of this name, or one with other inputs or outputs."""


class RefusedRequestError(ServingError):
    """The server refused the request, and said why."""


class UnusableAnswerError(ServingError):
    """The answer cannot be read, or it is not the embeddings that were requested."""


class ServingApiMissingError(ImportError):
    """The package with TF Serving's messages, which gRPC needs, is not installed."""


# What TF Serving says where a model has no signature of a name, or one with other inputs.
OTHER_SIGNATURE = re.compile(
    "signature (key|name).* not found|not found in signature|not match signature|have named input", re.IGNORECASE
)
# A row of a batch says nothing to a client: a server that batches counts the walks of other clients, too.
ROW = re.compile(r"\b([Ww])alk \d+\b")
REPEATABLE = (ServerUnavailableError, ServerTimeoutError)  # a prediction changes nothing, so it may be repeated


def error_of(status: str, message: str, *, where: str, what: str) -> ServingError:
    """Return the error for a status of a server.

    Args:
        status: Name of a gRPC status, such as "NOT_FOUND".
        message: What the server said.
        where: The server, as in the URL.
        what: The requested model, in words.

    Example:
        >>> error_of("UNAVAILABLE", "queue full", where="grpc://host:8500", what="model 'a'")
        ServerUnavailableError("grpc://host:8500 is unavailable for model 'a': queue full.")
    """
    message = " ".join(model_sentence(message).split()).rstrip(".")[:500] or "no reason given"
    if status in ("UNAVAILABLE", "RESOURCE_EXHAUSTED", "ABORTED"):
        return ServerUnavailableError(f"{where} is unavailable for {what}: {message}.")
    if status == "DEADLINE_EXCEEDED":
        return ServerTimeoutError(f"{where} gave no answer for {what} in time: {message}.")
    if status == "NOT_FOUND" or "servable version label" in message:
        return ModelNotFoundError(
            f"{where} has no {what}: {message}. Compare name, version and label with what the server was started with "
            "(MODEL_NAME or models.config)."
        )
    if status in ("INVALID_ARGUMENT", "FAILED_PRECONDITION") and OTHER_SIGNATURE.search(message):
        return SignatureNotFoundError(
            f"{where}: {what} lacks a signature: {message}. Export the model again with `tf3dlocal export`."
        )
    if status in ("UNIMPLEMENTED", "UNKNOWN_PATH"):
        return UnusableAnswerError(f"{where} does not answer as TF Serving does: {message}. Check host and port.")
    if status in ("UNAUTHENTICATED", "PERMISSION_DENIED"):
        return RefusedRequestError(f"{where} does not let this client use {what}: {message}.")
    return RefusedRequestError(f"{where} refused the request to {what}: {message}.")


def model_sentence(message: str) -> str:
    r"""Return the sentence of the model in a server's message, without the row of the batch; or the message.

    The rule is that of `tf3dlocal.serving.graph_checks.sentence_of`, which needs TensorFlow.

    Example:
        >>> model_sentence("assertion failed: [No frame of walk 3 shows a person.]\n\t [[{{node Assert}}]]")
        'No frame of a walk shows a person.'
    """
    if "assertion failed: [" not in message:
        return message
    sentence = re.split(r"\]\s*(?:\n|\[\[|$)", message.partition("assertion failed: [")[2])[0]
    return ROW.sub(lambda found: ("A" if found[1] == "W" else "a") + " walk", sentence)
