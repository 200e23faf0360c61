"""The program in which one alternative runs: a question is one line of JSON on standard input, and so is each answer.

    question                                              answer
    {"function": "module:function", "arguments": {..}}    {"python_mb": .., "libraries_mb": .., "build_seconds": ..,
    "facts": {..}} {"calls": 3}                                          {"seconds": .., "processor_seconds": ..,
    "peak_mb": ..}, of all calls

Answers go to the original standard output; everything that the alternative prints goes to standard error. An error is
answered as {"error": .., "traceback": ..}, and then the program ends. It also ends with its input. The file imports the
standard library only, so that an alternative may choose its packages, such as another checkout of this project.
"""

import importlib
import importlib.util
import json
import os
import pathlib
import sys
import time
import traceback

try:
    import resource
except ImportError:  # Windows
    resource = None


def main():
    """Answer the questions on standard input until it ends; returns the exit code."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1) as answers:
        os.dup2(2, 1)
        try:
            for answer in answers_to(sys.stdin):
                answers.write(json.dumps(answer) + "\n")
        except BaseException as error:  # the measuring side must learn of everything, an exit included
            text = f"{type(error).__name__}: {error}".strip(": ")
            answers.write(json.dumps({"error": text, "traceback": traceback.format_exc()}) + "\n")
            return 1
    return 0


def answers_to(questions):
    """Yield the answers to the questions, one by one; the first question makes the callable, the others call it."""
    order = json.loads(next(questions))
    python_mb = resident_mb()
    function = load_function(order["function"])
    libraries_mb = resident_mb()
    begin = time.perf_counter()
    call = function(**order["arguments"])
    yield {
        "python_mb": python_mb,
        "libraries_mb": libraries_mb,
        "build_seconds": time.perf_counter() - begin,
        "facts": getattr(call, "facts", {}),
    }
    for question in questions:
        num_calls = json.loads(question)["calls"]
        processor, begin = processor_seconds(), time.perf_counter()
        for _ in range(num_calls):
            call()
        seconds = time.perf_counter() - begin
        yield {
            "seconds": seconds,
            "processor_seconds": processor_seconds() - processor,
            "peak_mb": resident_mb(peak=True),
        }


def load_function(name):
    """Import the function named "module:function" or "FILE.py:function"."""
    place, _, attribute = name.rpartition(":")
    if not place.endswith(".py"):
        return getattr(importlib.import_module(place), attribute)
    path = pathlib.Path(place).resolve()
    sys.path.insert(0, str(path.parent))  # as Python does for a program
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return getattr(module, attribute)


def processor_seconds():
    """Return the processor seconds of this process and of the ended processes that it had started."""
    if resource is None:
        return time.process_time()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def resident_mb(peak=False):
    """Return the resident memory of this process in MB (2^20 bytes), now or at its peak; None if it is unknown.

    On Linux it is read from /proc, because the peak of `getrusage` starts at the peak of the parent process there.
    """
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file if ":" in line)
        return round(int(fields["VmHWM" if peak else "VmRSS"].split()[0]) / 1024, 1)
    except (OSError, KeyError):
        pass
    if resource is None:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20, 1)


if __name__ == "__main__":
    sys.exit(main())
