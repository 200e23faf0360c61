"""Named embeddings of whole walks: one program stores them, another compares with them."""

import dataclasses
from collections.abc import Iterable
from typing import Self

import numpy as np

from tf3dlocal.evaluation import check_distance
from tf3dlocal.io import read_npz, readable, user_path, write_file
from tf3dlocal.io.types import PathLike
from tf3dlocal.serving.exported_model import ExportedModel
from tf3dlocal.serving.walk_folder import read_walk_folder

MOST_FRAMES = 2_000
SOLUTION = "`tf3dlocal embed MODEL WALK... --out FILE.npz` writes such a file."


@dataclasses.dataclass(frozen=True, kw_only=True)
class WalkEmbeddings:
    """Embeddings with the names of their walks, all computed by one model.

    Attributes:
        names: Who or what each walk is; several walks may have the same name.
        embeddings: float32 [walks, channels] or [walks, parts, channels].
        num_frames: Number of silhouettes of each walk.
        model: Fingerprint of the model; embeddings of two models cannot be compared.
        distance: How to compare embeddings, "part_mean" or "flattened".
        left_out: For each walk the list of (file, reason) of the frames that could not be used; not stored on disk.
        changes: For each walk what was done to its frames, in words, to their number; not stored on disk.

    Raises:
        ValueError: There is no walk, the columns are not equally long, or an embedding is not finite.

    Example:
        >>> import tempfile
        >>> facts = {"num_frames": (30, 30), "model": "id", "distance": "part_mean"}
        >>> walks = WalkEmbeddings(names=("a", "b"), embeddings=np.zeros((2, 16, 64), np.float32), **facts)
        >>> path = tempfile.mkdtemp() + "/walks.npz"
        >>> walks.write(path)
        >>> WalkEmbeddings.read(path).names
        ('a', 'b')
    """

    names: tuple[str, ...]
    embeddings: np.ndarray
    num_frames: tuple[int, ...]
    model: str
    distance: str
    left_out: tuple[list, ...] = ()
    changes: tuple[dict[str, int], ...] = ()

    def __post_init__(self):
        if self.embeddings.ndim == 0:
            raise ValueError(
                "The embeddings must be float32 [walks, channels] or [walks, parts, channels]; got a number."
            )
        counts = {name: len(getattr(self, name)) for name in ("names", "embeddings", "num_frames")}
        if len(set(counts.values())) != 1:
            raise ValueError(f"Names, embeddings and numbers of frames must be equally many; got {counts}.")
        if not self.names:
            raise ValueError("There is no walk.")
        if self.embeddings.ndim not in (2, 3) or self.embeddings.dtype != np.float32 or not self.embeddings.size:
            found = f"{self.embeddings.dtype} {list(self.embeddings.shape)}"
            raise ValueError(
                f"The embeddings must be float32 [walks, channels] or [walks, parts, channels]; got {found}."
            )
        finite = np.isfinite(self.embeddings.reshape(len(self.names), -1)).all(axis=1)
        if not finite.all():
            wrong = [repr(self.names[row]) for row in np.flatnonzero(~finite)]
            raise ValueError(
                f"The embedding of {', '.join(wrong[:5])} has numbers that are not finite (NaN or infinite)."
            )
        check_distance(self.distance)

    @classmethod
    def of_folders(
        cls,
        walks: Iterable[tuple[str, PathLike]],
        *,
        embedder: ExportedModel,
        frames: str = "auto",
        invert: bool = False,
    ) -> Self:
        """Embed walks that are folders of pictures.

        Args:
            walks: Pairs (name, folder).
            embedder: The model.
            frames: "raw", "aligned" or "auto"; see `read_walk_folder`.
            invert: Whether the bodies are black on white.

        Raises:
            FileNotFoundError: As `read_walk_folder`.
            ValueError: As `read_walk_folder`, or an embedding is not finite.
        """
        walks = list(walks)
        settings = {"height": embedder.height, "width": embedder.width, "frames": frames, "invert": invert}
        read = [read_walk_folder(folder, **settings) for _, folder in walks]
        for (_, folder), walk in zip(walks, read, strict=True):
            if len(walk.silhouettes) > MOST_FRAMES:
                raise ValueError(
                    f"{folder} has {len(walk.silhouettes):,} frames, and {MOST_FRAMES:,} are the limit for the "
                    "embedding of a whole walk, which needs memory for all of them. Cut it into walks; "
                    "`tf3dlocal enroll` and `identify` take walks of any length."
                )
        return cls(
            names=tuple(name for name, _ in walks),
            embeddings=np.array([embedder.embed(walk.silhouettes[None])[0] for walk in read], np.float32),
            num_frames=tuple(len(walk.silhouettes) for walk in read),
            model=embedder.fingerprint,
            distance=embedder.distance,
            left_out=tuple(walk.left_out for walk in read),
            changes=tuple(walk.changes for walk in read),
        )

    def write(self, path: PathLike) -> None:
        """Write names and embeddings to one .npz file, completely or not at all."""

        def save(temporary):
            with temporary.open("wb") as file:  # given a name, numpy would add a suffix to it
                np.savez(
                    file,
                    names=np.array(self.names, dtype=str),
                    embeddings=self.embeddings,
                    num_frames=np.array(self.num_frames, np.int64),
                    model=np.array(self.model),
                    distance=np.array(self.distance),
                )

        write_file(user_path(path), save)

    @classmethod
    def read(cls, path: PathLike) -> Self:
        """Read a file of `write`.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is damaged or of another kind.
        """
        keys = ("names", "embeddings", "num_frames", "model", "distance")
        path = user_path(path)
        if not path.exists():
            raise FileNotFoundError(f"There is no file {path}. {SOLUTION}")
        arrays = read_npz(path, keys=keys, solution=SOLUTION)
        with readable(path, solution=SOLUTION):
            _check_arrays(arrays)
            return cls(
                names=tuple(arrays["names"].tolist()),
                embeddings=arrays["embeddings"],
                num_frames=tuple(arrays["num_frames"].tolist()),
                model=str(arrays["model"]),
                distance=str(arrays["distance"]),
            )


def _check_arrays(arrays: dict[str, np.ndarray]) -> None:
    """Refuse arrays of other types or axes than `write` gives them."""
    expected = {"names": ("U", 1), "embeddings": ("f", None), "num_frames": ("i", 1), "model": ("U", 0)}
    for key, (kind, num_axes) in (expected | {"distance": ("U", 0)}).items():
        array = arrays[key]
        if array.dtype.kind != kind or num_axes not in (None, array.ndim):
            raise ValueError(f"the array {key!r} is {array.dtype} {list(array.shape)}, which `embed` does not write")
    if (arrays["num_frames"] < 1).any():
        raise ValueError("the array 'num_frames' has numbers below 1")
