"""An exported model as a function from walks to embeddings."""

import hashlib
import pathlib

import numpy as np
import tensorflow as tf

from tf3dlocal.io import read_json, readable
from tf3dlocal.io.types import PathLike, Tensor

CARD_NAME = "model_card.json"
SOLUTION = "Export the model again with `tf3dlocal export`."


class ExportedModel:
    """SavedModel written by `tf3dlocal.serving.export`, ready to embed walks.

    Args:
        folder: One version (it contains `saved_model.pb`), or the folder above the versions; then the highest version
            is loaded, as TF Serving does.

    Attributes:
        folder: `pathlib.Path` of the version that was loaded.
        card: The model card, a dict.
        height: Height of its silhouettes in pixels.
        width: Width of its silhouettes in pixels.
        distance: How to compare its embeddings, "part_mean" or "flattened".
        fingerprint: Text that two loaded models share only if their graph and weights are the same files.

    Raises:
        FileNotFoundError: There is no SavedModel.
        ValueError: The SavedModel is damaged, or has no `serving_default` signature from uint8 silhouettes to an
            embedding.

    Example:
        >>> embedder = ExportedModel("saved_models/walkers")                                     # doctest: +SKIP
        >>> embedder.embed(np.zeros((1, 30, embedder.height, embedder.width), np.uint8)).shape   # doctest: +SKIP
        (1, 256)
    """

    def __init__(self, folder: PathLike):
        self.folder = _version_folder(pathlib.Path(folder))
        with readable(self.folder, solution=SOLUTION):
            self._loaded = tf.saved_model.load(str(self.folder))  # kept: it owns the variables of the signature
        self._embed = self._loaded.signatures.get("serving_default")
        accepted = self._embed and self._embed.structured_input_signature[1].get("silhouettes")
        if accepted is None or accepted.dtype != tf.uint8 or "embedding" not in self._embed.structured_outputs:
            raise ValueError(
                f"{self.folder} has no signature 'serving_default' from uint8 'silhouettes' to 'embedding': "
                f"it was not written by this package. {SOLUTION}"
            )
        self.height, self.width = accepted.shape[2:]
        card = self.folder / CARD_NAME
        self.card = read_json(card, solution=SOLUTION) if card.is_file() else {}
        self.distance = self.card.get("embedding", {}).get("distance", "part_mean")
        self.fingerprint = _fingerprint(self.folder)

    def embed(self, silhouettes: Tensor) -> np.ndarray:
        """Compute the embeddings of walks of equal length.

        Args:
            silhouettes: uint8 [batch, frames, height, width], 0..255, aligned.

        Returns:
            float32 [batch, channels] or [batch, parts, channels], as the model card says.

        Raises:
            ValueError: Another type, size or number of axes, or no frame at all.
        """
        silhouettes = np.asarray(silhouettes)
        fits = silhouettes.ndim == 4 and silhouettes.shape[2:] == (self.height, self.width) and silhouettes.shape[1] > 0
        if silhouettes.dtype != np.uint8 or not fits:
            raise ValueError(
                f"{self.folder} takes uint8 [batch, frames >= 1, {self.height}, {self.width}]; "
                f"got {silhouettes.dtype} {list(silhouettes.shape)}."
            )
        return self._embed(silhouettes=tf.constant(silhouettes))["embedding"].numpy()


def sha256_of(path: pathlib.Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _version_folder(folder: pathlib.Path) -> pathlib.Path:
    if (folder / "saved_model.pb").is_file():
        return folder
    versions = [path for path in folder.glob("*") if path.name.isdigit() and (path / "saved_model.pb").is_file()]
    if not versions:
        raise FileNotFoundError(
            f"There is no SavedModel in {folder}: expected {folder}/saved_model.pb or {folder}/1/saved_model.pb."
        )
    return max(versions, key=lambda path: int(path.name))


def _fingerprint(folder: pathlib.Path) -> str:
    digest = hashlib.sha256()
    for path in sorted([folder / "saved_model.pb", *(folder / "variables").glob("*")]):
        digest.update(path.name.encode() + bytes.fromhex(sha256_of(path)))
    return digest.hexdigest()
