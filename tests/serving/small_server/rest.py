"""TF Serving's REST interface: paths, row and columnar format, base64, errors as JSON."""

import http.server
import json
import re
import threading
import urllib.parse

from google.protobuf.json_format import MessageToDict

from small_server.model import as_array
from small_server.status import StatusError

MODEL = r"/v1/models/([^/:]+)(?:(?:/versions/(\d+))|(?:/labels/([^/:]+)))?"  # of http_rest_api_util.cc
PREDICT, LOOK = re.compile(rf"{MODEL}:(classify|regress|predict)"), re.compile(rf"{MODEL}(?:/(metadata))?")


def start_rest(small_server):
    """Start the interface in threads; returns http.server's server."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # connections stay open
        disable_nagle_algorithm = True

        def do_GET(self):
            self._answer(lambda: _look(small_server, self.path))

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self._answer(lambda: _predict(small_server, self.path, body))

        def _answer(self, compute):
            try:
                small_server.enter(self.path)
                status, content = 200, json.dumps(compute())
            except StatusError as error:
                status, content = error.http, json.dumps({"error": error.message})
            content = content.encode()
            announced = len(content)
            if small_server.raw_answer is not None:
                content = small_server.raw_answer
                announced = small_server.announced_length or len(content)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(announced))
            self.end_headers()
            self.wfile.write(content)
            self.close_connection = self.close_connection or announced != len(content)

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128
        block_on_close = False

        def handle_error(self, *_):
            """A client that went away is no news."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


def _spec(match):
    name, version, label = (part and urllib.parse.unquote(part) for part in match.groups()[:3])
    return {"name": name, "version": None if version is None else int(version), "label": label}


def _look(small_server, path):
    match = LOOK.fullmatch(path)
    if match is None:
        raise StatusError("INVALID_ARGUMENT", f"Malformed request: GET {path}")
    if match[4] is None:
        states = small_server.states(**_spec(match))
        return MessageToDict(states, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    number, definitions = small_server.metadata(**_spec(match))
    shown = MessageToDict(definitions, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    spec = {"name": small_server.name, "signature_name": "", "version": str(number)}
    return {"model_spec": spec, "metadata": {"signature_def": shown}}


def _predict(small_server, path, body):
    match = PREDICT.fullmatch(path)
    if match is None:
        raise StatusError("INVALID_ARGUMENT", f"Malformed request: POST {path}")
    _, loaded = small_server.find(**_spec(match))
    try:
        request = json.loads(body)
    except ValueError as error:
        raise StatusError("INVALID_ARGUMENT", f"JSON Parse error: {error}") from None
    if not isinstance(request, dict) or ("instances" in request) == ("inputs" in request):
        raise StatusError("INVALID_ARGUMENT", "Request must have exactly one of 'instances' and 'inputs' keys")
    signature = request.get("signature_name", "") or "serving_default"
    if signature not in loaded.definitions:
        message = f'Serving signature name: "{signature}" not found in signature def'
        raise StatusError("INVALID_ARGUMENT", message)
    accepted = loaded.definitions[signature].inputs
    columns = _columns(request, accepted)
    unknown = set(columns) - set(accepted)
    if unknown:
        raise StatusError("INVALID_ARGUMENT", f"JSON object: does not have named input: {sorted(accepted)[0]}")
    inputs = {name: as_array(value, accepted[name]) for name, value in columns.items()}
    outputs = small_server.predict(loaded, signature=signature, inputs=inputs)
    values = {name: array.tolist() for name, array in outputs.items()}
    (only,) = values.values() if len(values) == 1 else (None,)
    if "inputs" in request:
        return {"outputs": values if only is None else only}
    if only is not None:
        return {"predictions": only}
    return {"predictions": [dict(zip(values, row)) for row in zip(*values.values())]}


def _columns(request, accepted):
    """Return {input: values} of both formats; an input that is the only one needs no name."""
    if "inputs" in request:
        inputs = request["inputs"]
        named = isinstance(inputs, dict) and "b64" not in inputs
        return inputs if named else {next(iter(accepted)): inputs}
    rows = request["instances"]
    if not isinstance(rows, list) or not rows:
        raise StatusError("INVALID_ARGUMENT", "Expecting 'instances' to be a list with at least one element")
    if isinstance(rows[0], dict) and "b64" not in rows[0]:
        return {name: [row[name] for row in rows] for name in rows[0]}
    return {next(iter(accepted)): rows}
