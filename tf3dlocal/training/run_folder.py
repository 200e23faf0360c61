"""The folder of one training: its config, checkpoints, log and model."""

import dataclasses
import json
import os
import pathlib
import re
import secrets
import shutil

from tf3dlocal.config import ConfigError, Experiment
from tf3dlocal.training.best_model import BestModel
from tf3dlocal.training.checkpoint_file import (
    damage_of,
    load_checkpoint,
    write_checkpoint,
)
from tf3dlocal.training.event_files import cut_event_files

# What may change between two calls with the same folder: it changes where and how fast, not what is learned.
MAY_CHANGE = {
    "data.folder",
    "model.arguments.form",
    "training.strategy",
    "training.jit_compile",
    "training.accumulation_steps",
    "training.recompute",
    "training.report_every",
    "training.checkpoint_every",
    "training.keep_checkpoints",
    "training.evaluate_every",
    "training.keep_model",
    "training.stop_above",
}


@dataclasses.dataclass(frozen=True)
class Restored:
    """Where a training goes on: behind `step`, from the file `checkpoint`, with the `metrics` since the last report.

    `damaged` are the newer checkpoints that could not be read, each with the reason.
    """

    step: int = 0
    checkpoint: pathlib.Path | None = None
    metrics: list | None = None
    damaged: tuple[tuple[pathlib.Path, str], ...] = ()


class RunFolder:
    """One training on disk; everything in it is written in .unfinished first and then gets its name.

        config.yaml                    the whole config, defaults and changes included
        data.json                      which data set: its name, size and fingerprint
        checkpoints/step-000500.keras  all that is needed to go on behind step 500, the last few
        log.jsonl                      one line of JSON per report
        tensorboard/                   the same for TensorBoard
        best.keras, best.json          the model that identified the held-out subjects best, and its step and rank-1
        bad_batch/step-000123.npz      the batch that stopped the training, if one did
        model.keras                    the fitted model, without the optimizer
        .lock                          held by the call that trains here, see `run_lock`

    Args:
        path: made if absent.

    Raises:
        ConfigError: the folder belongs to another config (from `check` and `claim`).

    Example:
        >>> import tempfile
        >>> RunFolder(tempfile.mkdtemp()).last_checkpoint() is None
        True
    """

    WORKERS_MARK = ".workers-"  # begins the names of files that workers leave for each other for a moment

    def __init__(self, path: str | os.PathLike):
        self.path = pathlib.Path(path)
        self.config_file = self.path / "config.yaml"
        self.checkpoints = self.path / "checkpoints"
        self.log_file = self.path / "log.jsonl"
        self.tensorboard = self.path / "tensorboard"
        self.model_file = self.path / "model.keras"
        self.data_file = self.path / "data.json"
        self.bad_batches = self.path / "bad_batch"
        self.unfinished = self.path / ".unfinished"
        self.lock_file = self.path / ".lock"
        self.best = BestModel(self)

    def check(self, config: Experiment, data: dict | None = None) -> None:
        """Make sure that the folder is new or belongs to this config and data set; nothing is written.

        `data` is what `claim` keeps: a dict with "fingerprint", and "name", "num_walks" and "num_subjects" for people.
        """
        if self.config_file.exists():
            found = Experiment.from_yaml(self.config_file)
            may_change = set(MAY_CHANGE)
            if config.schedule.name != "warmup_cosine" and config.training.steps > found.training.steps:
                may_change.add("training.steps")  # a longer training; with a cosine every earlier step would differ
            different = {key: pair for key, pair in found.differences(config).items() if key not in may_change}
            if different:
                lines = [
                    f"  {key}: {ours!r} in the folder, {theirs!r} now" for key, (ours, theirs) in different.items()
                ]
                raise ConfigError(
                    f"{self.path} holds a training with another config:\n" + "\n".join(lines) + "\n"
                    "take another run folder, or set these keys back to go on with this one"
                )

        found = self.data_set()
        if data and found and found["fingerprint"] != data["fingerprint"]:
            theirs, ours = (
                f"{one['name']!r} of {one['num_walks']} walks of {one['num_subjects']} subjects (fingerprint "
                f"{one['fingerprint'][:8]})"
                for one in (found, data)
            )
            raise ConfigError(
                f"{self.path} holds a training on the data set {theirs}, and now it is {ours}: take another run folder, "
                "or give the data set it began with to go on with this one"
            )

    def data_set(self) -> dict | None:
        """What `claim` noted of the data set, or None: the run is new, or older than this note."""
        return json.loads(self.data_file.read_text(encoding="utf-8")) if self.data_file.exists() else None

    def claim(self, config: Experiment, data: dict | None = None, restored: Restored | None = None) -> None:
        """Make the folder that of this training, as it was at the checkpoint that it goes on from.

        Config and data set are noted, what a kill left unfinished is removed, damaged checkpoints get another name, and
        what was logged or best after the checkpoint is forgotten: these steps are made again.
        """
        restored = restored or Restored()
        self.check(config, data)
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.unfinished, ignore_errors=True)
        for mark in self.path.glob(f"{self.WORKERS_MARK}*"):  # of a chief that was killed while all looked for it
            mark.unlink(missing_ok=True)
        self.write(self.config_file, lambda file: file.write_text(config.to_text(), encoding="utf-8"))
        if data and not restored.step:  # the steps of a run without the note may have seen another data set
            self.write(self.data_file, lambda file: file.write_text(json.dumps(data) + "\n", encoding="utf-8"))
        for path, _ in restored.damaged:
            os.replace(path, path.with_suffix(".damaged"))
        self.cut_log(restored.step)
        cut_event_files(self.tensorboard, restored.step, self.write)
        self.best.go_back(restored.checkpoint)

    def write(self, path: pathlib.Path, write) -> None:
        """Call `write(temporary path)`, then name it `path`: there is the old file or the whole new one, whatever happens.

        The name comes after the content is on the disk, so that a loss of power cannot leave one without the other.
        """
        self.unfinished.mkdir(parents=True, exist_ok=True)
        unfinished = self.unfinished / f"{secrets.token_hex(4)}-{path.name}"  # keeps the suffix, by which Keras chooses
        try:
            write(unfinished)
            sync(unfinished)
            path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(unfinished, path)
            sync(path.parent)
        finally:
            unfinished.unlink(missing_ok=True)

    def save_checkpoint(self, model, step: int, keep: int, metrics: list | None = None) -> None:
        """Write all of a training after `step` steps and remove all but the last `keep` checkpoints."""
        best = self.best.file if self.best.file.exists() else None
        path = self.checkpoints / f"step-{step:06d}.keras"
        self.write(path, lambda file: write_checkpoint(file, model, metrics, best))
        for old in self.checkpoint_steps()[:-keep]:
            (self.checkpoints / f"step-{old:06d}.keras").unlink(missing_ok=True)

    def checkpoint_steps(self) -> list[int]:
        """Steps of the checkpoints that are there, ascending."""
        names = (re.fullmatch(r"step-(\d+)\.keras", path.name) for path in self.checkpoints.glob("step-*.keras"))
        return sorted(int(name[1]) for name in names if name)

    def last_checkpoint(self) -> tuple[int, pathlib.Path] | None:
        """Step and file of the newest checkpoint."""
        steps = self.checkpoint_steps()
        return (steps[-1], self.checkpoints / f"step-{steps[-1]:06d}.keras") if steps else None

    def restore(self, model) -> Restored:
        """Load the newest whole checkpoint into a compiled model; nothing is written, see `claim`.

        Raises:
            ValueError: there are checkpoints and none is whole, or they are of another model; the message says what to do.
            ConfigError: there is a fitted model and no checkpoint.
            OSError: a checkpoint could not be reached; it may be whole.
        """
        damaged = []
        for step in reversed(self.checkpoint_steps()):
            path = self.checkpoints / f"step-{step:06d}.keras"
            if reason := damage_of(path):
                damaged.append((path, reason))
                continue
            return Restored(step, path, load_checkpoint(path, model), tuple(damaged))
        if damaged:
            path, reason = damaged[0]
            raise ValueError(
                f"{path} cannot be read ({reason}), nor any checkpoint before it: copy one here from a backup, or remove it, "
                "and the training begins anew"
            )
        if self.model_file.exists():
            raise ConfigError(
                f"{self.path} holds a fitted model, {self.model_file.name}, and no checkpoint to go on from; to train anew "
                "there would erase the model: take another run folder (--run), or delete this one"
            )
        return Restored()

    def append_log(self, record: dict) -> None:
        """Add one line to the log."""
        with open(self.log_file, "a", encoding="utf-8") as file:
            file.write(json.dumps(record, allow_nan=False) + "\n")

    def read_log(self) -> list[dict]:
        """The lines of the log; a last line that a kill cut short is left out."""
        if not self.log_file.exists():
            return []
        lines = self.log_file.read_text(encoding="utf-8").split("\n")
        records = []
        for number, line in enumerate(lines[:-1], start=1):  # what follows the last line break is unfinished
            try:
                records += [json.loads(line)] if line else []
            except json.JSONDecodeError as error:
                raise ValueError(f"{self.log_file}, line {number} is not JSON ({error}): remove the line") from error
        return records

    def cut_log(self, step: int) -> None:
        """Forget what was logged after `step`: a resumed training makes these steps again."""
        kept = "".join(json.dumps(record) + "\n" for record in self.read_log() if record["step"] <= step)
        if self.log_file.exists() and self.log_file.read_text(encoding="utf-8") != kept:
            self.write(self.log_file, lambda file: file.write_text(kept, encoding="utf-8"))


def sync(path: pathlib.Path) -> None:
    """Ask the system to put a file, or the names in a folder, on the disk."""
    if path.is_dir() and os.name == "nt":
        return  # Windows cannot, and need not
    handle = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
