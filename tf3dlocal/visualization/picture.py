"""What all pictures share: a figure without pyplot, line colours and the style of axes."""

import io
import pathlib

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tf3dlocal.io import write_file
from tf3dlocal.io.types import PathLike

# Colours of Okabe and Ito that colour-blind readers can distinguish, without yellow, which is hard to see on white.
LINE_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


class Picture(Figure):
    """A matplotlib `Figure` that is not registered in pyplot and that notebooks display.

    Args:
        size: Width and height in inches, before the empty margin is cut off.
        **arguments: Further arguments of `Figure`.

    Example:
        >>> picture = Picture((3, 2))
        >>> _ = picture.subplots().plot([1, 2])
        >>> picture._repr_png_()[1:4]
        b'PNG'
    """

    def __init__(self, size: tuple[float, float], **arguments):
        super().__init__(**{"figsize": size, "dpi": 120, "layout": "constrained", **arguments})

    def keep(self, path: PathLike | None) -> "Picture":
        """Write the picture to `path`, unless it is None, and return the picture.

        Args:
            path: The file; the suffix sets the format. It is written whole or not at all.

        Returns:
            The picture itself.

        Raises:
            ValueError: The suffix is not a known format.
        """
        if path is not None:
            suffix, formats = pathlib.Path(path).suffix, sorted(self.canvas.get_supported_filetypes())
            if suffix.lower().removeprefix(".") not in formats:
                raise ValueError(
                    f"{path}: {suffix!r} is not a format of pictures. Use one of the suffixes {', '.join(formats)}."
                )
            with matplotlib.rc_context({"pdf.fonttype": 42}):  # whole fonts: publishers refuse matplotlib's Type 3
                write_file(path, lambda temporary: self.savefig(temporary, bbox_inches="tight"))
        return self

    # IPython calls this where matplotlib's inline backend is not set up, which only pyplot does.
    def _repr_png_(self):
        png = io.BytesIO()
        self.savefig(png, format="png", bbox_inches="tight")
        return png.getvalue()


def style_axes(axes: Axes, *, grid: str = "both") -> None:
    """Apply the style of all line plots: small tick labels, a light grid, no frame at the top and the right.

    Args:
        axes: The axes.
        grid: "both", "x" or "y": the axis whose grid lines are drawn.
    """
    axes.tick_params(labelsize=8)
    axes.grid(axis=grid, color="0.9", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
