"""From a trained model to something that a server or another program can ask: who walks here?"""

from tf3dlocal.serving.export import export
from tf3dlocal.serving.exported_model import ExportedModel
from tf3dlocal.serving.walk_embeddings import WalkEmbeddings

__all__ = ["ExportedModel", "WalkEmbeddings", "export"]
