"""3D Local Convolutional Neural Networks for Gait Recognition (Huang et al., ICCV 2021) in Keras 3 and TensorFlow.

The folders are the stations of a walk through the data: `data` reads and aligns silhouettes, `layers` and `models`
turn a clip into an embedding, `losses` and `training` fit it, `evaluation` measures rank-1 by the published
protocols, `serving` exports it and `visualization` shows it.
"""

from tf3dlocal.io.machine import use_onednn

__version__ = "0.2.0"

use_onednn()
