"""What the library adds to the start of a program, beside TensorFlow's own import.

    python benchmarks/start.py [TABLE ...] [--quick] [--rounds N] [--json FILE] [--out [DIR]]

Every call is a fresh Python process; all take turns. "plain" imports TensorFlow and Keras and nothing of ours; each of the
others imports one of our packages after them, in the same process: their difference is what the package adds.
"""

import sys

from _fresh_processes import fresh_processes
from _tables import chosen, keep, options_of, show

PACKAGES = ("tf3dlocal", "tf3dlocal.models", "tf3dlocal.layers", "tf3dlocal.data.pipeline", "tf3dlocal.evaluation",
            "tf3dlocal.training", "tf3dlocal.serving")
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


TABLES = {"beside-tensorflow": beside_tensorflow, "without-tensorflow": without_tensorflow, "command": command}


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
