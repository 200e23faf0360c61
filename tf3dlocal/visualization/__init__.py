"""Pictures of walks, of located parts, of a training and of embeddings: arrays in, figures out.

Every function returns a matplotlib figure and, with `path`, also writes it. matplotlib's global state (pyplot) is never
used, so the functions work without a screen, in threads and in notebooks.
"""

from tf3dlocal.visualization.box_geometry import part_box
from tf3dlocal.visualization.embedding_map import plot_embedding_map
from tf3dlocal.visualization.error_curves import ErrorRates, plot_error_curves
from tf3dlocal.visualization.learning_curves import plot_learning_curves
from tf3dlocal.visualization.part_boxes import draw_part_boxes
from tf3dlocal.visualization.part_lines import plot_part_lines
from tf3dlocal.visualization.picture import Picture
from tf3dlocal.visualization.rank_by_view import MOST_METHODS, plot_rank_by_view
from tf3dlocal.visualization.training_trace import plot_training
from tf3dlocal.visualization.walks import contact_sheet, write_animation

__all__ = [
    "MOST_METHODS",
    "ErrorRates",
    "Picture",
    "contact_sheet",
    "draw_part_boxes",
    "part_box",
    "plot_embedding_map",
    "plot_error_curves",
    "plot_learning_curves",
    "plot_part_lines",
    "plot_rank_by_view",
    "plot_training",
    "write_animation",
]
