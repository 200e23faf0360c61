"""3D Local Convolutional Neural Networks for Gait Recognition (Huang et al., ICCV 2021) in Keras 3 and TensorFlow.

The packages follow the data: `data` reads and aligns silhouettes, `layers` and `models` turn a clip into an embedding,
`losses` and `training` fit it, `evaluation` measures rank-1 by the published protocols, `serving` exports it and
`visualization` shows it. `load_model` opens whatever `tf3dlocal train`, `convert` and `export` wrote.

Importing this package imports neither TensorFlow nor Keras. Import it before TensorFlow: it turns oneDNN on.
"""

from tf3dlocal.io.machine import use_onednn
from tf3dlocal.load_model import load_model, register_with_keras

__version__ = "0.2.0"

__all__ = ["load_model"]

use_onednn()
register_with_keras()
