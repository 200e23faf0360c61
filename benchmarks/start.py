"""What the library adds to the start of a program, beside TensorFlow's own import.

    python benchmarks/start.py [TABLE ...] [--quick] [--rounds N] [--json FILE] [--out [DIR]]

Every call is a fresh Python process; all take turns. "plain" imports TensorFlow and Keras and nothing of ours; each of the
others imports one of our packages after them, in the same process: their difference is what the package adds. The tables
first-training-step and first-inference go on to the end of the first step of the release at 2 walks of 30 frames: what
tracing costs, and compiling by XLA, and how much of that TensorFlow's cache of compiled graphs saves the second time.
"""

import sys
import tempfile

from _fresh_processes import fresh_processes
from _tables import ROOT, chosen, keep, options_of, show

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


def beside_tensorflow(rounds):
    """Our packages after TensorFlow's import."""
    programs = {"TensorFlow and Keras alone": PLAIN}
    programs |= {f"and {package}": f"{PLAIN}; import {package}" for package in PACKAGES}
    return fresh_processes("import, beside TensorFlow", programs, rounds)


def without_tensorflow(rounds):
    """What runs without TensorFlow."""
    programs = {"Python and numpy alone": "import numpy"}
    for package in ("tf3dlocal", "tf3dlocal.data", "tf3dlocal.evaluation", "tf3dlocal.config"):
        programs[package] = f"import sys, {package}; assert 'tensorflow' not in sys.modules"
    return fresh_processes("import, without TensorFlow", programs, rounds)


def command(rounds):
    """The command line's help and version."""
    programs = {"python -c pass": "pass"}
    for option in ("--help", "--version"):
        programs[f"tf3dlocal {option}"] = [sys.executable, "-m", "tf3dlocal", option]
    return fresh_processes("the command line", programs, rounds)


def first_call(step):
    """A function that measures the first call of a benchmark step, such as "training_step"."""
    config = str(ROOT / "configs" / "three_d_local_release_casia_b_st.yaml")

    def measure(rounds):
        def program(calls, compiled=False, cache=""):
            flags = f"os.environ['TF_XLA_FLAGS'] = '--tf_xla_persistent_cache_directory={cache}'; " if cache else ""
            return (
                f"import os; {flags}from tf3dlocal.console import start_tensorflow; start_tensorflow()\n"
                f"from tf3dlocal.benchmark.{step} import {step}\n"
                f"call = {step}({config!r}, walks=2, frames=30, compiled={compiled})\n"
                f"for _ in range({calls}): call()"
            )

        with tempfile.TemporaryDirectory() as cache:
            programs = {
                "the model is built": program(0),
                "and called": program(1),
                "compiled and called": program(1, True),
            }
            programs["compiled, from the cache"] = program(1, True, cache)
            return fresh_processes(f"first call: {step}", programs, min(rounds, 3))

    return measure


TABLES = {
    "beside-tensorflow": beside_tensorflow,
    "without-tensorflow": without_tensorflow,
    "command": command,
    "first-training-step": first_call("training_step"),
    "first-inference": first_call("inference_step"),
}


def main():
    parser = options_of(__doc__, TABLES, quick="two rounds")
    options = parser.parse_args()
    rounds = options.rounds or (2 if options.quick else 9)
    results = []
    for name in chosen(parser, options, TABLES):
        results.append(TABLES[name](rounds))
        show(results[-1])
        base = results[-1].rows[0]
        for row in results[-1].rows[1:]:
            more = sorted(a - b for a, b in zip(row.processor_seconds, base.processor_seconds, strict=True))
            print(f"  {row.name}: {more[len(more) // 2]:+.2f} processor seconds")
        print()
    keep("start", __doc__, results, options)


if __name__ == "__main__":
    main()
