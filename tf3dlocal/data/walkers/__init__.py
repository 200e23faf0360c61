"""An embedded data set: synthetic walkers, drawn from a seed in the raw layout of CASIA-B.

`write_walkers` fills a folder; `draw_walk` gives one walk. Reading order: gait (joint angles), person, skeleton, body,
conditions (bags and coats), camera, outlines, segmentation_noise, draw, write.
"""

from tf3dlocal.data.walkers.camera import VIEWS_DEGREES
from tf3dlocal.data.walkers.draw import draw_views, draw_walk
from tf3dlocal.data.walkers.write import SEQUENCES, write_walkers

__all__ = ["SEQUENCES", "VIEWS_DEGREES", "draw_views", "draw_walk", "write_walkers"]
