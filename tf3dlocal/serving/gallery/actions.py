"""What the commands do with a gallery on disk: enroll, forget, calibrate; and the model that it names."""

import datetime
import os
from collections.abc import Sequence
from typing import Any

from tf3dlocal.data import data_fingerprint
from tf3dlocal.io import user_path
from tf3dlocal.io.types import PathLike
from tf3dlocal.serving.exported_model import ExportedModel
from tf3dlocal.serving.gallery.calibration import Calibration, check_fpir, check_searches, embed_data_set, thresholds_of
from tf3dlocal.serving.gallery.embedded_walk import EmbeddedWalk, check_frame_rate
from tf3dlocal.serving.gallery.gallery import Gallery, GalleryModel, check_name
from tf3dlocal.serving.gallery.gallery_file import change_gallery, check_gallery_place, read_gallery
from tf3dlocal.serving.gallery.windows import WindowRule


def open_model(gallery: Gallery | None, *, model: PathLike | None = None, trust: bool = False) -> ExportedModel:
    """Load the model of a gallery, from where the gallery was made or from another place.

    Args:
        gallery: The gallery; None: a new one.
        model: Folder of the exported model. Default: the one that the gallery names.
        trust: As for `ExportedModel`.

    Raises:
        FileNotFoundError: There is no model there.
        ValueError: It is another model than the gallery's, or a new gallery has none.
    """
    if model is None and gallery is None:
        raise ValueError("A new gallery needs a model. Give the folder of an exported model with --model.")
    if model is None and not os.path.isdir(gallery.model.folder):
        raise FileNotFoundError(
            f"The gallery was made by {gallery.model}, which is no longer in {gallery.model.folder}. Give its folder "
            "with --model."
        )
    embedder = ExportedModel(gallery.model.folder if model is None else model, trust=trust)
    if gallery is not None:
        gallery.model.check_same(GalleryModel.of(embedder))
    return embedder


def enroll(
    path: PathLike,
    *,
    name: str,
    walks: Sequence[PathLike],
    model: PathLike | None = None,
    rule: WindowRule | None = None,
    frame_rate: float | None = None,
    frames: str = "auto",
    invert: bool = False,
    trust: bool = False,
) -> tuple[Gallery, list[EmbeddedWalk]]:
    """Add walks of a person to a gallery file; all of them or, after an error, none.

    Args:
        path: The gallery; made if absent.
        name: The person.
        walks: Folders, each with the pictures of one walk; at least one.
        model: Folder of the exported model; needed for a new gallery.
        rule: Windows of a new gallery. Default: those of `WindowRule.of_card`.
        frame_rate: Frames per second of the walks, if known.
        frames: As for `read_walk_folder`.
        invert: As for `read_walk_folder`.
        trust: As for `ExportedModel`.

    Returns:
        The gallery as it was written, and the walks.

    Raises:
        OSError: A walk or the model is missing, or the gallery cannot be written.
        ValueError: There is no walk, or as `Gallery.with_walk`, `read_walk_folder` and `ExportedModel`.
    """
    if isinstance(walks, str | os.PathLike):
        raise ValueError(f"walks is one path, {os.fspath(walks)!r}. Give a list of folders, also for one walk.")
    walks = list(walks)
    if not walks:
        raise ValueError(f"There is no walk of {name!r} to enroll. Give a list of at least one folder.")
    check_name(name)
    check_frame_rate(frame_rate)
    check_gallery_place(path)
    known = read_gallery(path) if user_path(path).exists() else None
    embedder = open_model(known, model=model, trust=trust)
    start = known or Gallery(model=GalleryModel.of(embedder), rule=rule or WindowRule.of_card(embedder.card))
    settings = {"embedder": embedder, "frames": frames, "invert": invert, "frame_rate": frame_rate}

    def embed(gallery: Gallery) -> list[EmbeddedWalk]:
        settings.update(rule=gallery.rule, wanted_rate=gallery.frame_rate)
        return [EmbeddedWalk.of_folder(walk, **settings) for walk in walks]

    embedded = embed(start)

    def add(now: Gallery | None) -> Gallery:
        nonlocal embedded
        gallery = start if known is None and now is None else _present(now, path=path)
        if (gallery.rule, gallery.frame_rate) != (start.rule, start.frame_rate):  # another program was faster
            gallery.model.check_same(start.model)
            embedded = embed(gallery)
        for walk in embedded:
            gallery = gallery.with_walk(walk, name=name)
        return gallery

    gallery = change_gallery(path, change=add)
    return gallery, embedded


def forget(path: PathLike, *, name: str) -> tuple[Gallery, int]:
    """Remove a person with all walks from a gallery file.

    Args:
        path: The gallery.
        name: The person.

    Returns:
        The gallery as it was written, and the number of walks that were removed.

    Raises:
        FileNotFoundError: There is no such gallery.
        ValueError: There is no such person; the message has near names.
    """
    read_gallery(path).known_name(name, where=str(path))
    num_walks = 0

    def remove(now: Gallery | None) -> Gallery:
        nonlocal num_walks
        gallery = _present(now, path=path)
        num_walks = gallery.people[gallery.known_name(name, where=str(path))]
        return gallery.without(name)

    gallery = change_gallery(path, change=remove)
    return gallery, num_walks


def _present(gallery: Gallery | None, *, path: PathLike) -> Gallery:
    """Return the gallery as it is now; a file that was removed in the meantime does not come back with its people."""
    if gallery is None:
        raise FileNotFoundError(f"{path} was removed by another program in the meantime. Nothing was written.")
    return gallery


def calibrate(
    path: PathLike,
    *,
    data: Any,
    fpir: float = 0.01,
    frame_rate: float | None = None,
    model: PathLike | None = None,
    seed: int = 0,
    trust: bool = False,
    progress: bool = True,
) -> Calibration:
    """Compute the thresholds of a gallery file from walks of people, and store them in it.

    The people of the data need not be in the gallery. As many of them are enrolled in the simulation as the gallery
    has people, if there are twice as many.

    Args:
        path: The gallery.
        data: A `tf3dlocal.data.WalkDataset`: a prepared data set or a selection of it.
        fpir: Wanted share of strangers' searches that return anybody, between 0 and 1.
        frame_rate: Frames per second of the data. Default: it is taken to be that of the gallery.
        model: As for `open_model`.
        seed: Of the splits and of the bootstrap.
        trust: As for `open_model`.
        progress: Show a progress bar.

    Raises:
        FileNotFoundError: There is no such gallery.
        ValueError: As `thresholds_of` and `open_model`.
    """
    check_fpir(fpir)
    if isinstance(data, str | os.PathLike):
        raise ValueError(
            f"data is a path, {os.fspath(data)!r}. Open the data set first, with `tf3dlocal.data.open_walks`."
        )
    gallery = read_gallery(path)
    check_gallery_place(path)
    if not gallery.names:
        raise ValueError(f"{path} is empty. Enroll people first: a threshold depends on how many there are.")
    check_frame_rate(frame_rate, wanted=gallery.frame_rate)
    walks_per_person = round(len(gallery.names) / len(gallery.people))
    check_searches(data.subjects, fpir=fpir, walks_per_person=walks_per_person)
    embedder = open_model(gallery, model=model, trust=trust)
    rates = {"frame_rate": frame_rate, "wanted_rate": gallery.frame_rate}
    embeddings = embed_data_set(data, embedder=embedder, rule=gallery.rule, progress=progress, **rates)
    numbers = thresholds_of(
        embeddings,
        subjects=data.subjects,
        distance=gallery.model.distance,
        fpir=fpir,
        num_enrolled=len(gallery.people),
        walks_per_person=walks_per_person,
        seed=seed,
    )
    if not (frame_rate and gallery.frame_rate):
        numbers["notices"] += (
            "A frame rate is not known (--fps): that of the data set is taken to be that of the gallery.",
        )
    made = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    found = Calibration(**numbers, data=data.name, data_fingerprint=data_fingerprint(data), made=made)

    def store(now: Gallery | None) -> Gallery:
        now = _present(now, path=path)
        now.model.check_same(gallery.model)
        if (now.rule, now.frame_rate) != (gallery.rule, gallery.frame_rate):
            raise ValueError(f"{path} was changed by another program in the meantime. Calibrate again.")
        return now.with_calibration(found)

    change_gallery(path, change=store)
    return found
