"""An exported model as a function from walks to embeddings: what the command line and a small program need."""

import hashlib
import json
import pathlib

import numpy as np
import tensorflow as tf

CARD_NAME = "model_card.json"


class ExportedModel:
    """A SavedModel written by `tf3dlocal.serving.export`, ready to embed walks.

    Args:
      folder: either one version (it holds `saved_model.pb`) or the folder above the versions, of which the highest
        number is taken, as TF Serving does.

    Attributes:
      folder: `pathlib.Path` of the version that was loaded.
      card: the model card, a dict.
      height, width: the size in pixels of the silhouettes it takes.
      distance: "part_mean" or "flattened", the rule to compare its embeddings by.
      fingerprint: a text that two loaded models share only if graph and weights are the same files.

    Raises:
      FileNotFoundError: no SavedModel is there.
      ValueError: the SavedModel has no `serving_default` signature from uint8 silhouettes to an embedding.

    Example:
      >>> embedder = ExportedModel("saved_models/walkers")                                     # doctest: +SKIP
      >>> embedder.embed(np.zeros((1, 30, embedder.height, embedder.width), np.uint8)).shape   # doctest: +SKIP
      (1, 256)
    """

    def __init__(self, folder):
        self.folder = _version_folder(pathlib.Path(folder))
        self._loaded = tf.saved_model.load(str(self.folder))  # held, for it owns the variables that the function reads
        self._embed = self._loaded.signatures.get("serving_default")
        taken = self._embed and self._embed.structured_input_signature[1].get("silhouettes")
        if taken is None or taken.dtype != tf.uint8 or "embedding" not in self._embed.structured_outputs:
            raise ValueError(
                f"{self.folder} has no signature 'serving_default' from uint8 'silhouettes' to 'embedding': "
                "it was not written by tf3dlocal's export"
            )
        self.height, self.width = taken.shape[2:]
        card = self.folder / CARD_NAME
        self.card = json.loads(card.read_text(encoding="utf-8")) if card.is_file() else {}
        self.distance = self.card.get("embedding", {}).get("distance", "part_mean")
        self.fingerprint = _fingerprint(self.folder)

    def embed(self, silhouettes):
        """The embeddings of walks of equal length.

        Args:
          silhouettes: uint8 [batch, frames, height, width], 0..255, aligned.

        Returns:
          float32 [batch, channels] or [batch, parts, channels], as the model card says.

        Raises:
          ValueError: another type, size or number of axes, or no frame at all.
        """
        silhouettes = np.asarray(silhouettes)
        fits = silhouettes.ndim == 4 and silhouettes.shape[2:] == (self.height, self.width) and silhouettes.shape[1] > 0
        if silhouettes.dtype != np.uint8 or not fits:
            raise ValueError(
                f"{self.folder} takes uint8 [batch, frames >= 1, {self.height}, {self.width}]; "
                f"got {silhouettes.dtype} {list(silhouettes.shape)}"
            )
        return self._embed(silhouettes=tf.constant(silhouettes))["embedding"].numpy()


def _version_folder(folder):
    if (folder / "saved_model.pb").is_file():
        return folder
    versions = [path for path in folder.glob("*") if path.name.isdigit() and (path / "saved_model.pb").is_file()]
    if not versions:
        raise FileNotFoundError(
            f"no SavedModel in {folder}: expected {folder}/saved_model.pb or {folder}/1/saved_model.pb"
        )
    return max(versions, key=lambda path: int(path.name))


def _fingerprint(folder):
    digest = hashlib.sha256()
    for path in sorted([folder / "saved_model.pb", *(folder / "variables").glob("*")]):
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
