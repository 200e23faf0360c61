"""Contact sheets: what a data set looks like at a glance."""

import numpy as np

from tf3dlocal.visualization.frames import check_silhouettes, spaced_frames
from tf3dlocal.visualization.picture import Picture

TILE_WIDTH = 0.62  # inches on paper; a frame number of three digits fits
GAP = 2  # pixels between silhouettes


def contact_sheet(walks, path=None, titles=None, num_frames=12):
    """One row per walk: evenly spaced frames, each with its number, and the walk's title at the left.

    Args:
        walks: sequence of uint8 [frames, height, width], 0..255; lengths and sizes may differ.
        path: file to write as well; the suffix names the format (.png, .pdf, .svg ..).
        titles: one text per walk, such as "001/nm-01/090".
        num_frames: frames in a row; of a shorter walk all frames are shown. They are numbered from 0.

    Returns:
        matplotlib Figure.

    Raises:
        ValueError: no walks, an array that is not a walk, or another number of titles than of walks.

    Example:
        >>> figure = contact_sheet([np.zeros((30, 64, 44), "uint8")], titles=["001/nm-01/090"], num_frames=4)
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['0', '10', '19', '29']
    """
    walks = [check_silhouettes(walk, f"walks[{index}]") for index, walk in enumerate(walks)]
    if not walks:
        raise ValueError("a contact sheet needs at least one walk")
    if titles is not None and len(titles) != len(walks):
        raise ValueError(f"there are {len(walks)} walks and {len(titles)} titles; give one for each")

    shown = [spaced_frames(len(walk), num_frames) for walk in walks]
    height, width = np.max([walk.shape[1:] for walk in walks], axis=0)
    num_columns = max(len(frames) for frames in shown)
    # One image for the whole sheet: hundreds of axes would take matplotlib half a minute.
    sheet = np.full((len(walks) * (height + GAP) - GAP, num_columns * (width + GAP) - GAP), np.nan, "float32")
    scale = TILE_WIDTH / width
    picture = Picture(1.6 + sheet.shape[1] * scale, 0.1 + sheet.shape[0] * scale)
    axes = picture.subplots()
    for row, (walk, frames) in enumerate(zip(walks, shown, strict=True)):
        for column, frame in enumerate(frames):
            # A smaller silhouette stands on the ground of its row, in the middle of its column.
            top = row * (height + GAP) + height - walk.shape[1]
            left = column * (width + GAP) + (width - walk.shape[2]) // 2
            sheet[top : top + walk.shape[1], left : left + walk.shape[2]] = walk[frame]
            axes.text(left + 1, top + 1, str(frame), fontsize=6, color="0.65", va="top")
    # NaN, the gap, has no colour: the paper shows.
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_frame_on(False)
    axes.set_xticks([])
    axes.set_yticks(
        np.arange(len(walks)) * (height + GAP) + (height - 1) / 2,
        [""] * len(walks) if titles is None else titles,
        fontsize=9,
    )
    axes.tick_params(length=0)
    return picture.keep(path)
