"""Models, one file each: builders that return functional Keras models with named layers and named outputs."""

from tf3dlocal.models.embedding_model import embedding_model
from tf3dlocal.models.part_geometry import part_geometry
from tf3dlocal.models.three_d_local import ThreeDLocal, located_parts

# The names that configs use.
MODELS = {"three_d_local": ThreeDLocal}

__all__ = ["MODELS", "ThreeDLocal", "embedding_model", "located_parts", "part_geometry"]
