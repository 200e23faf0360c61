"""Named embeddings of walks that one program keeps and another compares with: the smallest gallery there is."""

import dataclasses
import os
import pathlib
import secrets
import zipfile

import numpy as np

from tf3dlocal.evaluation.distances import pairwise_distances
from tf3dlocal.serving.walk_folder import read_walk_folder


@dataclasses.dataclass(frozen=True)
class WalkEmbeddings:
    """Embeddings with the names of their walks, all from one model.

    Attributes:
      names: who or what each walk is, one per walk; a name may stand for several walks.
      embeddings: float32 [walks, channels] or [walks, parts, channels].
      num_frames: how many silhouettes each embedding was made from.
      model: the fingerprint of the model; embeddings of two models have nothing to say to each other.
      distance: "part_mean" or "flattened", the rule to compare by.
      left_out: per walk the list of (file, reason) of the frames that could not be used; not kept on disk.

    Example:
      >>> import dataclasses, numpy as np
      >>> gallery = WalkEmbeddings(("a", "b"), np.array([[0.0, 1.0], [4.0, 5.0]], np.float32), (30, 30), "id", "part_mean")
      >>> probe = dataclasses.replace(gallery, names=("x",), embeddings=gallery.embeddings[1:], num_frames=(30,))
      >>> probe.nearest(gallery, 1)
      [[('b', 0.0)]]
    """

    names: tuple[str, ...]
    embeddings: np.ndarray
    num_frames: tuple[int, ...]
    model: str
    distance: str
    left_out: tuple[list, ...] = ()

    @classmethod
    def of_folders(cls, embedder, walks, frames="auto"):
        """Embeds walks that lie in folders of pictures.

        Args:
          embedder: `ExportedModel`.
          walks: iterable of (name, folder).
          frames: "raw", "aligned" or "auto"; see `read_walk_folder`.

        Raises: what `read_walk_folder` raises for a folder that it cannot use.
        """
        walks = list(walks)
        read = [read_walk_folder(folder, embedder.height, embedder.width, frames) for _, folder in walks]
        return cls(
            names=tuple(name for name, _ in walks),
            embeddings=np.concatenate([embedder.embed(walk.silhouettes[None]) for walk in read]),
            num_frames=tuple(len(walk.silhouettes) for walk in read),
            model=embedder.fingerprint,
            distance=embedder.distance,
            left_out=tuple(walk.left_out for walk in read),
        )

    def nearest(self, gallery, count):
        """For each walk the `count` nearest walks of the gallery: lists of (name, distance), nearest first.

        Raises:
          ValueError: the gallery was made with another model.
        """
        if gallery.model != self.model:
            raise ValueError(
                "the gallery was embedded by another model than these walks, so distances between them mean nothing: "
                "embed the gallery again with this model"
            )
        distances = pairwise_distances(self.embeddings, gallery.embeddings, self.distance)
        order = np.argsort(distances, axis=1, kind="stable")[:, :count]
        return [
            [(gallery.names[column], float(distances[row, column])) for column in columns]
            for row, columns in enumerate(order)
        ]

    def write(self, path):
        """Keeps names and embeddings in one .npz file, whole or not at all."""
        path = pathlib.Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            with unfinished.open("wb") as file:
                np.savez(
                    file,
                    names=np.array(self.names, dtype=str),
                    embeddings=self.embeddings,
                    num_frames=np.array(self.num_frames, np.int64),
                    model=np.array(self.model),
                    distance=np.array(self.distance),
                )
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)

    @classmethod
    def read(cls, path):
        """What `write` kept.

        Raises:
          FileNotFoundError: no such file.
          ValueError: the file is something else.
        """
        try:
            with np.load(path, allow_pickle=False) as kept:
                return cls(
                    names=tuple(str(name) for name in kept["names"]),
                    embeddings=kept["embeddings"].astype(np.float32),
                    num_frames=tuple(int(number) for number in kept["num_frames"]),
                    model=str(kept["model"]),
                    distance=str(kept["distance"]),
                )
        except (KeyError, ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:
            raise ValueError(
                f"{path} holds no embeddings of ours; `tf3dlocal embed ... --out FILE.npz` makes such a file"
            ) from error
