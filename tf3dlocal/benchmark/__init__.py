"""What a step costs on this machine: alternatives measured beside each other, in time, memory and growth.

Reading order: alternative, worker (the program in which one lives), side_by_side, measurements, print_measurements;
training_step and inference_step make what is measured; matmul_peak is the yardstick.
"""

from tf3dlocal.benchmark.alternative import Alternative
from tf3dlocal.benchmark.matmul_peak import matmul_peak
from tf3dlocal.benchmark.measurements import Measurements
from tf3dlocal.benchmark.moving_bodies import moving_bodies
from tf3dlocal.benchmark.side_by_side import side_by_side

__all__ = ["Alternative", "Measurements", "matmul_peak", "moving_bodies", "side_by_side"]
