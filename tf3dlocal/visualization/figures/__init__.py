"""The figures of the paper's supplement: arrays in, pictures out."""

from tf3dlocal.visualization.figures.embedding_maps import NamedEmbeddings, plot_embedding_maps
from tf3dlocal.visualization.figures.located_volumes import LocatedWalk, plot_located_volumes
from tf3dlocal.visualization.figures.part_animation import paint_parts, write_part_animation
from tf3dlocal.visualization.figures.part_history import plot_part_history

__all__ = [
    "LocatedWalk",
    "NamedEmbeddings",
    "paint_parts",
    "plot_embedding_maps",
    "plot_located_volumes",
    "plot_part_history",
    "write_part_animation",
]
