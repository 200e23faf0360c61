"""An exported model as a function from walks to embeddings."""

import hashlib
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from tf3dlocal.evaluation import check_distance
from tf3dlocal.io import UnreadableError, check_regular_file, check_whole, read_json, readable, user_path
from tf3dlocal.io.types import PathLike, Tensor
from tf3dlocal.serving.client.address import MOST_VERSION
from tf3dlocal.serving.graph_checks import sentence_of

CARD_NAME = "model_card.json"
CARD_FORMAT = "tf3dlocal-saved-model"
LOADED = ("saved_model.", "variables/", "assets/")  # how the names of files begin that TensorFlow loads
MOST_CARD_BYTES = 2**26  # of a card, which has a few thousand
MOST_CLIP_LENGTH = 10_000  # of a config
DAMAGED = "its graph or its variables are damaged or incomplete, or of another version of TensorFlow"
SOLUTION = "Export the model again with `tf3dlocal export`."
TRUST = (
    "A SavedModel is a program and can read and write files: if you trust its author, load it with --trust "
    "(trust=True)."
)


class ExportedModel:
    """SavedModel written by `tf3dlocal.serving.export`, ready to embed walks.

    A SavedModel is a program: its graph can read and write files of its user. Without `trust`, only a folder
    with a model card of this package whose checksums match is loaded. A checksum shows damage and changes; it does not
    show who made the model, so load only models from people you trust.

    Args:
        folder: One version (it contains `saved_model.pb`), or the folder above the versions; then the highest version
            is loaded, as TF Serving does.
        trust: Load it also if it has no model card of this package, or other checksums than the card.

    Attributes:
        folder: `pathlib.Path` of the version that was loaded.
        card: The model card, a dict.
        height: Height of its silhouettes in pixels.
        width: Width of its silhouettes in pixels.
        distance: How to compare its embeddings, "part_mean" or "flattened".
        fingerprint: Text that two loaded models share only if their graph and weights are the same files.

    Raises:
        FileNotFoundError: There is no SavedModel.
        ValueError: The SavedModel is damaged, has no card of this package or other checksums than its card, or has no
            `serving_default` signature from uint8 silhouettes to an embedding.

    Example:
        >>> embedder = ExportedModel("saved_models/walkers")                                     # doctest: +SKIP
        >>> embedder.embed(np.zeros((1, 30, embedder.height, embedder.width), np.uint8)).shape   # doctest: +SKIP
        (1, 256)
    """

    def __init__(self, folder: PathLike, *, trust: bool = False):
        self.folder = _version_folder(user_path(folder))
        self.card = _checked_card(self.folder, trust)
        with readable(self.folder, solution=SOLUTION, reason=DAMAGED):
            self._loaded = tf.saved_model.load(str(self.folder))  # kept: it owns the variables of the signature
            self._embed, size = _signature_of(self._loaded)
        if self._embed is None:
            raise ValueError(
                f"{self.folder} has no signature 'serving_default' from uint8 'silhouettes' to 'embedding': "
                f"it was not written by this package. {SOLUTION}"
            )
        self.height, self.width = size
        with readable(self.folder / CARD_NAME, solution=SOLUTION):
            self.distance = _distance_of(self.card, trust)
        self.fingerprint = _fingerprint(self.folder)

    def embed(self, silhouettes: Tensor) -> np.ndarray:
        """Compute the embeddings of walks of equal length.

        Args:
            silhouettes: uint8 [batch, frames, height, width], 0..255, aligned.

        Returns:
            float32 [batch, channels] or [batch, parts, channels], as the model card says.

        Raises:
            ValueError: Another type, size or number of axes, no frame at all, walks that are too long or padded (the
                graph says so), or an embedding that is not finite.
        """
        silhouettes = np.asarray(silhouettes)
        fits = silhouettes.ndim == 4 and silhouettes.shape[2:] == (self.height, self.width) and silhouettes.shape[1] > 0
        if silhouettes.dtype != np.uint8 or not fits:
            raise ValueError(
                f"{self.folder} takes uint8 [batch, frames >= 1, {self.height}, {self.width}]; "
                f"got {silhouettes.dtype} {list(silhouettes.shape)}."
            )
        try:
            embeddings = self._embed(silhouettes=tf.constant(silhouettes))["embedding"].numpy()
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(f"{self.folder} refuses these walks: {sentence_of(error)}") from None
        wrong = np.flatnonzero(~np.isfinite(embeddings.reshape(len(embeddings), -1)).all(axis=1))
        if len(wrong):
            raise ValueError(
                f"{self.folder} gave an embedding with numbers that are not finite for the walks {wrong.tolist()} of "
                f"{len(embeddings)}. The training that made it has probably diverged: export a checkpoint before that."
            )
        return embeddings


def sha256_of(path: pathlib.Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _version_folder(folder: pathlib.Path) -> pathlib.Path:
    if (folder / "saved_model.pb").is_file():
        return folder
    versions = [path for path in folder.glob("*") if path.name.isdecimal() and (path / "saved_model.pb").is_file()]
    if versions:
        return max(versions, key=lambda path: int(path.name))
    if folder.suffix == ".keras" or (folder / "checkpoints").is_dir() or (folder / "model.keras").exists():
        raise FileNotFoundError(
            f"{folder} is a trained model and not an exported one. Export it first, and then give OUT: "
            f"tf3dlocal export {folder} OUT"
        )
    if folder.name in ("saved_model.pb", CARD_NAME, "variables") and (folder.parent / "saved_model.pb").is_file():
        raise FileNotFoundError(f"{folder} is a part of an exported model. Give its folder: {folder.parent}.")
    if folder.exists() and not folder.is_dir():
        raise FileNotFoundError(
            f"{folder} is a file, and an exported model is a folder. `tf3dlocal export RUN OUT` writes one."
        )
    if not folder.exists():
        raise FileNotFoundError(f"There is no {folder}. `tf3dlocal export RUN OUT` writes an exported model.")
    raise FileNotFoundError(
        f"There is no SavedModel in {folder}: expected {folder}/saved_model.pb or {folder}/1/saved_model.pb."
    )


def _checked_card(folder: pathlib.Path, trust: bool) -> dict:
    """Return the model card, after a check of the files that it lists; with `trust` it may be absent or of others."""
    present = {found.relative_to(folder).as_posix() for found in folder.rglob("*") if not found.is_dir()}
    for found in sorted(name for name in present if name.startswith(LOADED)):
        check_regular_file(folder / found)
    path = folder / CARD_NAME
    if not path.exists():
        if trust:
            return {}
        raise ValueError(f"{folder} has no {CARD_NAME}: it was not written by tf3dlocal, or not wholly copied. {TRUST}")
    check_regular_file(path, max_bytes=MOST_CARD_BYTES)
    try:
        card = read_json(path, solution=SOLUTION)
    except UnreadableError:
        if trust:
            return {}
        raise
    is_ours = isinstance(card, dict) and card.get("format") == CARD_FORMAT
    if trust:
        return _entries_of(card, path=path, is_ours=is_ours) if isinstance(card, dict) else {}
    if not is_ours or not isinstance(card.get("sha256"), dict):
        raise ValueError(f"{path} is not a model card of tf3dlocal. {TRUST}")
    if unlisted := sorted(name for name in present - set(card["sha256"]) if name.startswith(LOADED)):
        raise ValueError(f"{folder} holds {unlisted[0]!r}, which its {CARD_NAME} does not list. {SOLUTION} {TRUST}")
    for name, expected in card["sha256"].items():
        if name not in present:
            raise ValueError(f"{folder} lacks {name!r}, which its {CARD_NAME} lists. Copy it again. {SOLUTION}")
        check_regular_file(folder / name)
        if sha256_of(folder / name) != expected:
            raise ValueError(
                f"{folder / name} cannot be read: it is damaged or was changed, because its checksum is not the one in "
                f"{CARD_NAME}. Copy it again. {SOLUTION} {TRUST}"
            )
    return _entries_of(card, path=path, is_ours=True)


def _check_name(name: Any) -> None:
    if not isinstance(name, str):
        raise ValueError(f"its entry name is {name!r}, and a text is expected")


def _check_version(version: Any) -> None:
    check_whole(version, name="its entry version", most=MOST_VERSION)


def _check_config(config: Any) -> None:
    data = config.get("data") if isinstance(config, Mapping) else None
    if isinstance(data, Mapping) and "clip_length" in data:
        check_whole(data["clip_length"], name="its entry config.data.clip_length", least=1, most=MOST_CLIP_LENGTH)


ENTRIES: dict[str, Callable[[Any], None]] = {"name": _check_name, "version": _check_version, "config": _check_config}


def _entries_of(card: dict, *, path: pathlib.Path, is_ours: bool) -> dict:
    """Return a card after a check of the entries that are read later.

    Args:
        card: The content of the file.
        path: The file.
        is_ours: Whether its format is that of this package. In a card of others an entry may mean something else: one
            of another kind is left out.

    Raises:
        UnreadableError: An entry is of another kind than `export` writes; the message has its name.
    """
    kept = dict(card)
    for key, check in ENTRIES.items():
        if key not in card:
            continue
        try:
            with readable(path, solution=SOLUTION):
                check(card[key])
        except UnreadableError:
            if is_ours:
                raise
            del kept[key]
    return kept


def _signature_of(loaded: Any) -> tuple[Any, tuple[int, int]]:
    """Return the function from walks to embeddings, and height and width; None if it is of another kind."""
    embed = loaded.signatures.get("serving_default")
    accepted = embed and embed.structured_input_signature[1].get("silhouettes")
    if accepted is None or accepted.dtype != tf.uint8 or "embedding" not in embed.structured_outputs:
        return None, (0, 0)
    height, width = accepted.shape[2:]
    return embed, (int(height), int(width))


def _distance_of(card: dict, trust: bool) -> str:
    """Return the distance that a card names; where a model is trusted, a foreign card need not name one."""
    embedding: Any = card.get("embedding")
    distance = embedding.get("distance") if isinstance(embedding, dict) else None
    if distance is None and trust:
        return "part_mean"
    if distance is None:
        raise ValueError("its entry embedding.distance is missing, so how to compare embeddings is unknown")
    check_distance(distance)
    return distance


def _fingerprint(folder: pathlib.Path) -> str:
    digest = hashlib.sha256()
    for path in sorted([folder / "saved_model.pb", *(folder / "variables").glob("*")]):
        digest.update(path.name.encode() + bytes.fromhex(sha256_of(path)))
    return digest.hexdigest()
