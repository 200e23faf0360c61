"""Synthetic walkers: a data set drawn from a seed, in the raw layout of CASIA-B.

`write_walkers` fills a folder; `draw_walk` returns one walk, and `draw_aligned_walk` returns it as a network sees it.
Reading order: gait (joint angles), person, joints, skeleton, body, conditions (bags and coats), camera,
segmentation_noise, draw, aligned, write, processes.

The walkers replace CASIA-B where it is not available; no number measured on them is a result on CASIA-B. The
differences between persons, the differences between walks of one person and the thickness of coats were tuned until
the nearest gait energy image (`tf3dlocal.evaluation.gait_energy_image`) ranks about as it does on real data. Rank-1 in
%, seed 0, 20 subjects, 30 frames, 11 views, gallery nm-01..04 (chance 5): same view NM 91, BG 67, CL 36; other views
NM 30, BG 24, CL 19. With 30 subjects (chance 3): 92, 63, 27 and 26, 22, 15.

Shape and motion contribute equally to the identity. Same view, NM, 30 subjects, views 000, 090 and 126: 59 % if all
have the same body, 59 % if all have the same motion and posture.
"""

from tf3dlocal.data.walkers.aligned import draw_aligned_walk
from tf3dlocal.data.walkers.camera import VIEWS_DEGREES
from tf3dlocal.data.walkers.draw import draw_views, draw_walk
from tf3dlocal.data.walkers.write import SEQUENCES, write_walkers

__all__ = ["SEQUENCES", "VIEWS_DEGREES", "draw_aligned_walk", "draw_views", "draw_walk", "write_walkers"]
