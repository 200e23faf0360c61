"""The errors of a server: a gRPC status with a message."""

# Of tensorflow/serving's http_server.cc: which HTTP status a gRPC status becomes.
HTTP_OF = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "NOT_FOUND": 404,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
    "RESOURCE_EXHAUSTED": 429,
    "UNIMPLEMENTED": 501,
}


class StatusError(Exception):
    """What a request fails with."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code, self.message = code, message

    @property
    def http(self):
        return HTTP_OF.get(self.code, 500)
