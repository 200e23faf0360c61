"""The figure that all functions here give."""

import io
import pathlib

from matplotlib.figure import Figure

from tf3dlocal.visualization.whole_file import write_whole_file


class Picture(Figure):
    """A matplotlib `Figure` without pyplot: it belongs to nobody but its caller, and a notebook shows it as it is.

    Args:
        width, height: in inches, before the empty margin is cut off.
        **arguments: further arguments of `Figure`.

    Example:
        >>> picture = Picture(3, 2)
        >>> _ = picture.subplots().plot([1, 2])
        >>> picture._repr_png_()[1:4]
        b'PNG'
    """

    def __init__(self, width, height, **arguments):
        super().__init__(**{"figsize": (width, height), "dpi": 120, "layout": "constrained", **arguments})

    def keep(self, path):
        """Write the picture, whole or not at all, in the format that the suffix names, and return it; None: only return.

        Raises:
            ValueError: a suffix that names no format.
        """
        if path is not None:
            formats = sorted(self.canvas.get_supported_filetypes())
            if pathlib.Path(path).suffix.lower().removeprefix(".") not in formats:
                raise ValueError(f"{path}: the suffix names the format of a picture, one of {', '.join(formats)}.")
            write_whole_file(path, lambda unfinished: self.savefig(unfinished, bbox_inches="tight"))
        return self

    # IPython asks for this where matplotlib's inline backend has not been set up, which only pyplot would do.
    def _repr_png_(self):
        png = io.BytesIO()
        self.savefig(png, format="png", bbox_inches="tight")
        return png.getvalue()
