"""Models, one file each: builders that return functional Keras models with named layers and named outputs."""

from tf3dlocal.models.gaitpart import GaitPart
from tf3dlocal.models.gaitset import GaitSet
from tf3dlocal.models.gln import GLN
from tf3dlocal.models.heads import embedding_model
from tf3dlocal.models.mt3d import MT3D
from tf3dlocal.models.part_geometry import located_parts, part_geometry
from tf3dlocal.models.three_d_local import ThreeDLocal

MODELS = {"three_d_local": ThreeDLocal, "gaitset": GaitSet, "gaitpart": GaitPart, "gln": GLN, "mt3d": MT3D}
"""The builders by the names that configs use."""

__all__ = [
    "GLN",
    "MODELS",
    "MT3D",
    "GaitPart",
    "GaitSet",
    "ThreeDLocal",
    "embedding_model",
    "located_parts",
    "part_geometry",
]
