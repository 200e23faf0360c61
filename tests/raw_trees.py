"""Tiny raw data sets of moving blobs for the tests of readers and of `prepare`."""

import io
import tarfile
import zipfile

import cv2
import numpy as np

from tf3dlocal.data import open_raw


def raw_frame(index=0, height=60, width=80):
    """uint8 [height, width]: a body of 255 that moves with the index."""
    frame = np.zeros((height, width), np.uint8)
    frame[10:50, 20 + index : 35 + index] = 255
    frame[40:50, 15 + 2 * index : 40] = 255
    return frame


def png(frame):
    """The bytes of a PNG."""
    return cv2.imencode(".png", frame)[1].tobytes()


def frame_files(subject="001", condition="nm-01", view=90, num_frames=3):
    """{path: bytes} of one sequence in CASIA-B's layout."""
    stem = f"{subject}/{condition}/{view:03d}/{subject}-{condition}-{view:03d}"
    return {f"{stem}-{index + 1:03d}.png": png(raw_frame(index + int(subject) % 3)) for index in range(num_frames)}


def casia_files(subjects=("001", "002"), conditions=("nm-01", "cl-02"), views=(0, 90), num_frames=3):
    """{path: bytes} of several sequences in CASIA-B's layout."""
    files = {}
    for subject in subjects:
        for condition in conditions:
            for view in views:
                files |= frame_files(subject, condition, view, num_frames)
    return files


def write_tree(folder, files):
    """Write the files below a folder; returns the folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def tar_bytes(files, mode="w:gz"):
    """A tar archive of {path: bytes}; paths are stored as they are, safe or not."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def zip_bytes(files):
    """A zip archive of {path: bytes}."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tars_of_subjects(files):
    """{"SSS.tar.gz": bytes} of {"SSS/...": bytes}, as CASIA-B is handed out."""
    subjects = sorted({name.split("/")[0] for name in files})
    return {
        f"{subject}.tar.gz": tar_bytes({n: c for n, c in files.items() if n.startswith(f"{subject}/")})
        for subject in subjects
    }


def raw_sequences(raw, **settings):
    """All sequences that `open_raw` finds, one after another."""
    return [sequence for part in open_raw(raw, **settings).parts for sequence in part.sequences([])]


def silhouettes(seed=0, num_frames=4, height=64, width=64):
    """uint8 [num_frames, height, width]: white bodies with soft edges, another one for each seed."""
    frames = np.zeros((num_frames, height, width), np.uint8)
    frames[:, :, width // 3 : 2 * width // 3] = 255
    edges = np.random.default_rng(seed).integers(0, 256, (num_frames, height, 2)).astype(np.uint8)
    frames[:, :, width // 3 - 1], frames[:, :, 2 * width // 3] = edges[..., 0], edges[..., 1]
    return frames


class Call:
    """Pickled, it is the call of a function, as hostile pickles have it."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call
