"""Pictures of walks, of what a model looks at, of its training and of its embeddings: arrays in, figures out.

Every function gives a matplotlib figure, and with `path` also writes it; matplotlib's global state (pyplot) is never
touched, so that they work without a screen, in threads and in notebooks.
"""

from tf3dlocal.visualization.animation import write_animation
from tf3dlocal.visualization.cost_growth import plot_cost_growth
from tf3dlocal.visualization.embedding_map import plot_embedding_map
from tf3dlocal.visualization.part_boxes import draw_part_boxes
from tf3dlocal.visualization.rank_by_view import plot_rank_by_view
from tf3dlocal.visualization.training_trace import plot_training
from tf3dlocal.visualization.walks import contact_sheet

__all__ = [
    "contact_sheet",
    "draw_part_boxes",
    "plot_cost_growth",
    "plot_embedding_map",
    "plot_rank_by_view",
    "plot_training",
    "write_animation",
]
