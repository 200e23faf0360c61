"""The models of a few moments of a training, from which supplement Fig. 3 is drawn."""

import pathlib

import keras

from tf3dlocal.io import write_file
from tf3dlocal.io.types import PathLike
from tf3dlocal.training.run.checkpoint import steps_in
from tf3dlocal.training.run.model_file import write_model

FIRST_SHARE = 1 / 60  # of the steps, at the first of several snapshots: 2,000 of 120,000 in the supplement


def snapshot_steps(steps: int, *, count: int) -> list[int]:
    """Choose the moments of the snapshots: early, then evenly spaced to the last step, as in supplement Fig. 3.

    Args:
        steps: Of the whole training.
        count: Number of snapshots; fewer if there are fewer steps.

    Returns:
        Numbers of steps, ascending.

    Example:
        >>> snapshot_steps(120_000, count=4)
        [2000, 40000, 80000, 120000]
        >>> snapshot_steps(2, count=4), snapshot_steps(600, count=1), snapshot_steps(600, count=0)
        ([1, 2], [600], [])
    """
    if count < 2:
        return [steps] * count
    early = max(1, round(steps * FIRST_SHARE))
    return sorted({early, *(max(1, round(steps * index / (count - 1))) for index in range(1, count))})


class Snapshots:
    """RUN/snapshots/step-002000.keras: whole models without their optimizers, which `keep_checkpoints` does not remove.

    Located parts alone would be smaller, but they are of a walk, and a figure of another walk, view or block could not
    be drawn afterwards. The localization networks read the maps of the global path, so they need most of the model; and
    a whole model can also be tested, by `tf3dlocal evaluate RUN/snapshots/step-002000.keras`.

    Args:
        folder: The run folder.

    Example:
        >>> import tempfile
        >>> Snapshots(tempfile.mkdtemp()).steps()
        []
    """

    def __init__(self, folder: PathLike):
        self.folder = pathlib.Path(folder, "snapshots")

    def file(self, step: int) -> pathlib.Path:
        """Return the path of the model after `step` steps."""
        return self.folder / f"step-{step:06d}.keras"

    def steps(self) -> list[int]:
        """Return the steps of the snapshots, ascending."""
        return steps_in(self.folder)

    def keep(self, model: keras.Model, *, step: int) -> None:
        """Write the model after `step` steps."""
        note = {"kept": "snapshot", "step": step}
        write_file(self.file(step), lambda file: write_model(file, model=model, note=note))

    def missed(self, *, steps: int, count: int, done: int) -> list[int]:
        """Return the steps whose snapshots a resumed training has passed without keeping them.

        Args:
            steps: Of the whole training.
            count: Number of snapshots.
            done: Step from which it resumes.
        """
        kept = set(self.steps())
        return [step for step in snapshot_steps(steps, count=count) if step <= done and step not in kept]

    def go_back(self, step: int) -> None:
        """Remove the snapshots after `step`: a resumed training repeats these steps."""
        for later in self.steps():
            if later > step:
                self.file(later).unlink(missing_ok=True)
