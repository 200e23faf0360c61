"""Load a server with many clients, and measure the size and the time of a request as JSON, base64 and gRPC.

    python benchmarks/serving.py [--quick] [--minutes 10] [--clients 32] [--export FOLDER]
                                 [--json FILE] [--out [DIR]]

No TF Serving runs here. The server is the small one of tests/serving/small_server, in its own process at 127.0.0.1: it
has TF Serving's protocol messages and its rule of batching (pad, concatenate, split), but it is Python, so its times
are upper bounds. Its model is an untrained, narrow 3DLocal of 583,662 parameters, unless --export names one.

The first table has one client that sends one walk at a time. The second has all clients at once for the minutes, each
sends one to three walks of 12 to 60 frames and compares each answer with the local one. The resident memory of server
and clients is sampled all the time: the medians of the second and of the last fifth must agree within 5 % or 20 MB.
Exit code 1: an answer was wrong, a request failed, or memory grew.
"""

import base64
import contextlib
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import cv2
import numpy as np
from measuring.machine import load_average, machine_facts
from measuring.processes import ROOT
from measuring.scripts import console, keep_text, options_of

from tf3dlocal.serving import Client, ExportedModel, ServingError, export
from tf3dlocal.serving.client import WalkRequest, draw_walk

NAME = "walkers"
LENGTHS = (12, 20, 30, 45, 60)
KINDS = {  # label: (interface, signature)
    "REST, JSON, `variable`": ("rest", "variable"),
    "REST, base64, `png`": ("rest", "png"),
    "gRPC, `variable`": ("grpc", "variable"),
    "gRPC, `png`": ("grpc", "png"),
}


def untrained(folder):
    """Export a narrow 3DLocal without training it."""
    from tf3dlocal.models import MODELS

    arguments = {"channels": (12, 24, 48), "local_blocks": (3,), "embedding_channels": 64, "seed": 0}
    export(MODELS["three_d_local"](preset="release", **arguments), folder=folder)
    return folder


@contextlib.contextmanager
def serving(folder):
    """Start the server in a process; yields (process, URL of REST, URL of gRPC)."""
    command = [sys.executable, "-m", "small_server", str(folder), NAME]
    paths = [str(ROOT / "tests" / "serving"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )
    try:
        rest, grpc = process.stdout.readline().split()
        yield process, rest, grpc
    finally:
        process.stdin.close()
        process.wait(60)


def request_of(signature, walks):
    """Return walks as a request to `variable` or `png`; as masks a body is in the middle of 120 x 160 pixels."""
    most = max(map(len, walks))
    rows = tuple(range(len(walks)))
    if signature == "png":
        encoded = np.full((len(walks), 1 + most), b"", object)  # as `Client` sends them
        for row, walk in enumerate(walks):
            masks = np.pad(walk, ((0, 0), (28, 28), (58, 58)))
            encoded[row, 1 : 1 + len(walk)] = [cv2.imencode(".png", mask)[1].tobytes() for mask in masks]
        return WalkRequest(signature=signature, rows=rows, inputs={"frames_bytes": encoded})
    silhouettes = np.zeros((len(walks), most, *walks[0].shape[1:]), np.uint8)
    for row, walk in enumerate(walks):
        silhouettes[row, : len(walk)] = walk
    num_frames = np.array([len(walk) for walk in walks], np.int32)
    return WalkRequest(signature=signature, rows=rows, inputs={"silhouettes": silhouettes, "num_frames": num_frames})


def size_of(interface, request):
    """Return the bytes of a request, without headers."""
    if interface == "rest":
        columns = {
            name: [[{"b64": base64.b64encode(one).decode()} for one in row] for row in array]
            if array.dtype == object
            else array.tolist()
            for name, array in request.inputs.items()
        }
        return len(json.dumps({"signature_name": request.signature, "inputs": columns}, separators=(",", ":")))
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    message = predict_pb2.PredictRequest()
    for name, array in request.inputs.items():
        message.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    return message.ByteSize()


def percentiles(seconds):
    """Return {"p50": .., "p95": .., "p99": ..} in milliseconds."""
    return {f"p{share}": round(1000 * float(np.percentile(seconds, share)), 1) for share in (50, 95, 99)}


def one_at_a_time(urls, embedder, *, rounds):
    """Measure one client that sends one walk at a time."""
    rows = []
    size = (embedder.height, embedder.width)
    for frames in (30, 100):
        for label, (interface, signature) in KINDS.items():
            request = request_of(signature, [draw_walk(frames, size=size)])
            with Client(urls[interface], name=NAME, timeout=120) as client:
                served = client.metadata()
                begin = time.perf_counter()
                client.predict(request, served=served)
                seconds, first = [], time.perf_counter() - begin
                for _ in range(rounds):
                    begin = time.perf_counter()
                    client.predict(request, served=served)
                    seconds.append(time.perf_counter() - begin)
            row = {"kind": label, "frames": frames, "bytes": size_of(interface, request), "first_ms": 1000 * first}
            rows.append(row | percentiles(seconds) | {"requests": rounds})
            console.print(f"{label}, {frames} frames: {rows[-1]}", markup=False)
    return rows


class Load:
    """All clients at once.

    Args:
        urls: {"rest": URL, "grpc": URL}.
        embedder: `ExportedModel`, for the local answers.
        clients: How many.
        seconds: How long.
    """

    def __init__(self, urls, embedder, *, clients, seconds):
        self.urls, self.clients, self.seconds_to_run = urls, clients, seconds
        size = (embedder.height, embedder.width)
        self.walks = [np.roll(draw_walk(frames, size=size), shift, axis=2) for frames in LENGTHS for shift in (0, 3)]
        self.expected = {"variable": np.stack([embedder.embed(walk[None])[0] for walk in self.walks])}
        self.seconds = {label: [] for label in KINDS}
        self.problems, self.num_retries = [], 0

    def run(self, server_pid):
        """Run all clients, sample the memory, and return {"server": [MB, ..], "clients": [MB, ..]}."""
        self._answers_of_png()
        self.end = time.monotonic() + self.seconds_to_run
        threads = [threading.Thread(target=self._ask, args=(number,), daemon=True) for number in range(self.clients)]
        for thread in threads:
            thread.start()
        memory = {"server": [], "clients": []}
        while time.monotonic() < self.end:
            time.sleep(min(2, self.seconds_to_run / 50))
            for who, pid in (("server", server_pid), ("clients", os.getpid())):
                memory[who].append(resident_mb(pid))
        for thread in threads:
            thread.join(150)
        return memory

    def _answers_of_png(self):
        with Client(self.urls["grpc"], name=NAME, timeout=120) as client:
            served = client.metadata()
            answers = [client.predict(request_of("png", [walk]), served=served)[0] for walk in self.walks]
        self.expected["png"] = np.stack(answers)

    def _ask(self, number):
        label = list(KINDS)[number % len(KINDS)]
        interface, signature = KINDS[label]
        draw = random.Random(number)
        tolerance = 1e-4 * float(np.abs(self.expected[signature]).max())
        with Client(self.urls[interface], name=NAME, timeout=120) as client:
            served = client.metadata()
            while time.monotonic() < self.end:
                chosen = [draw.randrange(len(self.walks)) for _ in range(draw.randint(1, 3))]
                request = request_of(signature, [self.walks[each] for each in chosen])
                begin = time.perf_counter()
                try:
                    found = client.predict(request, served=served)
                except ServingError as error:
                    self.problems.append(f"{label}: {error}")
                    continue
                self.seconds[label].append(time.perf_counter() - begin)
                if (difference := float(np.abs(found - self.expected[signature][chosen]).max())) > tolerance:
                    self.problems.append(f"{label}: an answer differs by {difference:.2g}")
            self.num_retries += client.num_retries


def resident_mb(pid):
    """Return the resident memory of a process in MB (10^6 bytes)."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in text.splitlines() if line.startswith("VmRSS"))


def growth(samples):
    """Return the medians of the second and of the last fifth of the samples."""
    fifth = max(len(samples) // 5, 1)
    return statistics.median(samples[fifth : 2 * fifth]), statistics.median(samples[-fifth:])


def page(single, loaded, facts):
    """Return both tables as Markdown."""
    lines = [f"# {__doc__.splitlines()[0]}", "", "## One client, one walk at a time", ""]
    lines += ["| request | frames | kB | first ms | p50 ms | p95 ms | p99 ms |", "|---|--:|--:|--:|--:|--:|--:|"]
    for row in single:
        times = " | ".join(f"{row[key]:.0f}" for key in ("first_ms", "p50", "p95", "p99"))
        lines.append(f"| {row['kind']} | {row['frames']} | {row['bytes'] / 1000:.1f} | {times} |")
    lines += [
        "",
        f"## {facts['clients']} clients for {facts['minutes']:g} minutes, 1 to 3 walks of 12 to 60 frames",
        "",
    ]
    lines += ["| request | requests | p50 ms | p95 ms | p99 ms |", "|---|--:|--:|--:|--:|"]
    for row in loaded:
        lines.append(f"| {row['kind']} | {row['requests']} | {row['p50']:.0f} | {row['p95']:.0f} | {row['p99']:.0f} |")
    memory = "; ".join(
        f"{who} {before:.0f} MB, then {after:.0f} MB" for who, (before, after) in facts["memory_mb"].items()
    )
    machine = facts["machine"]
    lines += [
        "",
        f"- resident memory in the second and in the last fifth of the time: {memory}",
        f"- wrong or failed: {facts['problems']}; repeated: {facts['repeated']}",
        f"- {machine['processor']}, {machine['cores']['usable']} cores, Python {machine['python']}; load average "
        f"{facts['load_before'][0]} before and {facts['load_after'][0]} after",
        "",
    ]
    return "\n".join(lines)


def main():
    parser = options_of(__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long all clients send")
    parser.add_argument("--clients", type=int, default=32, help="how many")
    parser.add_argument("--export", type=pathlib.Path, metavar="FOLDER", help="serve this export")
    options = parser.parse_args()
    rounds = options.rounds or (3 if options.quick else 50)
    minutes = 0.1 if options.quick else options.minutes
    before = load_average()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.export or untrained(pathlib.Path(temporary) / NAME)
        embedder = ExportedModel(folder)
        with serving(folder) as (process, rest, grpc):
            urls = {"rest": rest, "grpc": grpc}
            single = one_at_a_time(urls, embedder, rounds=rounds)
            load = Load(urls, embedder, clients=options.clients, seconds=60 * minutes)
            memory = load.run(process.pid)
    loaded = [{"kind": kind, "requests": len(s)} | percentiles(s) for kind, s in load.seconds.items() if s]
    fifths = {who: growth(samples) for who, samples in memory.items()}
    facts = {"clients": options.clients, "minutes": minutes, "memory_mb": fifths, "problems": len(load.problems)}
    facts |= {"repeated": load.num_retries, "machine": machine_facts(), "load_before": before}
    facts |= {"load_after": load_average()}
    text = page(single, loaded, facts)
    console.print(text, markup=False)
    content = {"benchmark": "serving", "quick": options.quick, "single": single, "loaded": loaded, "memory": memory}
    keep_text("serving", text=text, content=content | facts, options=options)
    grown = [who for who, (first, last) in fifths.items() if last - first > max(0.05 * first, 20)]
    for problem in sorted(set(load.problems))[:5]:
        console.print(f"problem: {problem}", markup=False)
    if load.problems or (grown and not options.quick):
        sys.exit(f"{len(load.problems)} answers were wrong or missing; memory grew in: {grown or 'none'}.")


if __name__ == "__main__":
    main()
