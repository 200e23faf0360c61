"""The command line: verbs only, one file each, and every verb is one call into the library.

Heavy imports stand inside the verbs, so that `--help` answers at once.
"""

from tf3dlocal.cli import walkers, prepare, train, evaluate, compare, export, embed, convert, demo  # noqa: F401, I001  (the help's order)
from tf3dlocal.cli.app import app
from tf3dlocal.console import run


def main(arguments=None):
    """Entry point of the `tf3dlocal` command; `arguments` default to those of the process."""
    run(app, arguments)
