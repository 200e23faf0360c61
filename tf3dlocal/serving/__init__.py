"""From a trained model to something that a server or another program can ask: who walks here?"""

from tf3dlocal.serving.export import export
from tf3dlocal.serving.exported_model import ExportedModel

__all__ = ["ExportedModel", "export"]
