"""A small server with TF Serving's protocol, for tests and for the load test. It runs in this process.

What is TF Serving's own: the protocol messages (package tensorflow-serving-api), the signatures of the SavedModel, the
rule by which requests are batched, the paths, formats and error texts of REST, and the status codes of gRPC. They
follow batching_session.cc, batching_util.cc, http_rest_api_util.cc, json_tensor.cc and predict_util.cc of
tensorflow/serving. What differs: it is Python, so its times are not TF Serving's; and it has no /metrics.
"""

from small_server.server import SmallServer
from small_server.status import StatusError

__all__ = ["SmallServer", "StatusError"]
