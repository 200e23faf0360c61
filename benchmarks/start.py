"""Measure what the library adds to the start of a program, compared with TensorFlow's own import.

    python benchmarks/start.py [TABLE ...] [--quick] [--rounds N] [--json FILE] [--out [DIR]]

Every call is a fresh Python process, and all take turns. "TensorFlow and Keras alone" imports only these; each other
row imports one package of tf3dlocal after them, so the difference is what this package adds. The tables
first-training-step and first-inference run until the end of the first step of the release with 2 walks of 30 frames:
the cost of tracing, of compiling by XLA, and how much of it TensorFlow's cache of compiled graphs saves the second
time.
"""

import sys
import tempfile

from measuring import fresh_processes
from measuring.scripts import CONFIGS, chosen, keep, options_of, show

PACKAGES = (
    "tf3dlocal",
    "tf3dlocal.models",
    "tf3dlocal.layers",
    "tf3dlocal.data.pipeline",
    "tf3dlocal.evaluation",
    "tf3dlocal.training",
    "tf3dlocal.serving",
)
PLAIN = "import tensorflow, keras; tensorflow.data"


def after_tensorflow(rounds):
    """Measure the packages' import after TensorFlow's."""
    programs = {"TensorFlow and Keras alone": PLAIN}
    programs |= {f"and {package}": f"{PLAIN}; import {package}" for package in PACKAGES}
    return fresh_processes("import, after TensorFlow", programs=programs, rounds=rounds)


def without_tensorflow(rounds):
    """Measure the import of what needs no TensorFlow."""
    programs = {"Python and numpy alone": "import numpy"}
    for package in ("tf3dlocal", "tf3dlocal.data", "tf3dlocal.evaluation", "tf3dlocal.config"):
        programs[package] = f"import sys, {package}; assert 'tensorflow' not in sys.modules"
    return fresh_processes("import, without TensorFlow", programs=programs, rounds=rounds)


def command(rounds):
    """Measure the command line's help and version."""
    programs = {"python -c pass": "pass"}
    for option in ("--help", "--version"):
        programs[f"tf3dlocal {option}"] = [sys.executable, "-m", "tf3dlocal", option]
    return fresh_processes("the command line", programs=programs, rounds=rounds)


def first_call(step):
    """Return a function that measures the first call of a step of `measuring.steps`, such as "training_step"."""
    config = str(CONFIGS / "three_d_local_release_casia_b_st.yaml")

    def measure(rounds):
        def program(calls, *, compiled=False, cache=""):
            flags = f"os.environ['TF_XLA_FLAGS'] = '--tf_xla_persistent_cache_directory={cache}'; " if cache else ""
            return (
                f"import os; {flags}from measuring.steps import {step}\n"
                f"call = {step}({config!r}, walks=2, frames=30, compiled={compiled})\n"
                f"for _ in range({calls}): call()"
            )

        with tempfile.TemporaryDirectory() as cache:
            programs = {
                "the model is built": program(0),
                "and called": program(1),
                "compiled and called": program(1, compiled=True),
            }
            programs["compiled, from the cache"] = program(1, compiled=True, cache=cache)
            return fresh_processes(f"first call: {step}", programs=programs, rounds=min(rounds, 3))

    return measure


TABLES = {
    "after-tensorflow": after_tensorflow,
    "without-tensorflow": without_tensorflow,
    "command": command,
    "first-training-step": first_call("training_step"),
    "first-inference": first_call("inference_step"),
}


def main():
    parser = options_of(__doc__, choices=TABLES, quick="two rounds")
    options = parser.parse_args()
    rounds = options.rounds or (2 if options.quick else 9)
    results = []
    for name in chosen(parser, options=options, tables=TABLES):
        results.append(TABLES[name](rounds))
        show(results[-1])
        base = results[-1].rows[0]
        for row in results[-1].rows[1:]:
            more = sorted(a - b for a, b in zip(row.processor_seconds, base.processor_seconds, strict=True))
            print(f"  {row.name}: {more[len(more) // 2]:+.2f} processor seconds")
        print()
    keep("start", description=__doc__, results=results, options=options)


if __name__ == "__main__":
    main()
