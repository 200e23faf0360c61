"""Pictures of walks, of located parts, of a training and of embeddings: arrays in, figures out.

Every function returns a matplotlib figure and, with `path`, also writes it. matplotlib's global state (pyplot) is never
used, so the functions work without a screen, in threads and in notebooks.
"""

from tf3dlocal.visualization.box_geometry import part_box
from tf3dlocal.visualization.embedding_map import plot_embedding_map
from tf3dlocal.visualization.error_curves import ErrorRates, plot_error_curves
from tf3dlocal.visualization.figures import (
    LocatedWalk,
    NamedEmbeddings,
    paint_parts,
    plot_embedding_maps,
    plot_located_volumes,
    plot_part_history,
    write_part_animation,
)
from tf3dlocal.visualization.learning_curves import plot_learning_curves
from tf3dlocal.visualization.part_boxes import draw_part_boxes
from tf3dlocal.visualization.part_lines import plot_part_lines
from tf3dlocal.visualization.picture import Picture
from tf3dlocal.visualization.rank_by_view import MOST_METHODS, plot_rank_by_view
from tf3dlocal.visualization.training_trace import plot_training
from tf3dlocal.visualization.walks import contact_sheet, spaced_frames, write_animation

__all__ = [
    "MOST_METHODS",
    "ErrorRates",
    "LocatedWalk",
    "NamedEmbeddings",
    "Picture",
    "contact_sheet",
    "draw_part_boxes",
    "paint_parts",
    "part_box",
    "plot_embedding_map",
    "plot_embedding_maps",
    "plot_error_curves",
    "plot_learning_curves",
    "plot_located_volumes",
    "plot_part_history",
    "plot_part_lines",
    "plot_rank_by_view",
    "plot_training",
    "spaced_frames",
    "write_animation",
    "write_part_animation",
]
