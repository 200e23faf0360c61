"""The application that the verbs belong to: its help and its version."""

from typing import Annotated

import typer

import tf3dlocal

app = typer.Typer(
    help="""3DLocal gait recognition in Keras: silhouettes of walking people in, names out.

    The verbs in the order of a first day:

    \b
      tf3dlocal walkers raw                        draw a synthetic data set
      tf3dlocal prepare raw prepared               align the silhouettes, once
      tf3dlocal train configs/CONFIG.yaml          fit a model
      tf3dlocal evaluate runs/CONFIG --data ...    rank-1 by a published protocol
      tf3dlocal compare A.yaml B.yaml --data ...   train and test several, one report
      tf3dlocal export runs/CONFIG saved           a SavedModel for TF Serving
      tf3dlocal embed saved alice=walks/alice-1    embeddings, and who is nearest
      tf3dlocal convert IN.pt OUT.keras ...        weights from PyTorch, and back

    `tf3dlocal demo` does all of it. Each verb explains itself: tf3dlocal VERB --help. Exit code: 0 done; 1 something is
    wrong with the input, and the message says what; 2 wrong usage. TF3DLOCAL_TRACEBACK=1 shows where.
    """,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(wanted):
    if wanted:
        print(f"tf3dlocal {tf3dlocal.__version__}")
        raise typer.Exit()


Version = Annotated[bool, typer.Option("--version", help="Print the version and stop.", callback=_show_version)]


@app.callback()
def _options(version: Version = False):
    pass
