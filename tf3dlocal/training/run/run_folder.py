"""The folder of one training, and what a later call finds in it."""

import contextlib
import os
import pathlib

import keras

from tf3dlocal import __version__
from tf3dlocal.config import ConfigError, Experiment
from tf3dlocal.io import (
    check_writable,
    file_lock,
    lock_holder,
    read_json,
    remove_unfinished,
    write_file,
    write_json,
    write_text,
)
from tf3dlocal.io.types import PathLike
from tf3dlocal.training.run.checkpoint import Restored, best_in, damage_of, load_checkpoint, steps_in, write_checkpoint
from tf3dlocal.training.run.log import append_line, append_record, cut_event_files, cut_lines, cut_log, read_records
from tf3dlocal.training.run.model_file import (
    VERSION,
    BestModel,
    check_folder_version,
    note_of,
    plain_model,
    write_model,
)
from tf3dlocal.training.run.snapshots import Snapshots
from tf3dlocal.training.start_from import check_start

# Keys that may change between two calls with one folder: they change where and how fast it trains, not what is learned.
MAY_CHANGE = {
    "data.folder",
    "data.size",
    "training.strategy",
    "training.jit_compile",
    "training.deterministic",
    "training.accumulation_steps",
    "training.recompute",
    "training.report_every",
    "training.checkpoint_every",
    "training.keep_checkpoints",
    "training.snapshots",
    "training.evaluate_every",
    "training.keep_model",
    "training.stop_above",
}


class RunFolder:
    """One training on disk; every file is there as a whole or not at all, whenever the process is killed.

        config.yaml                    the whole config, defaults and changes included
        data.json                      name, size and fingerprint of the data set, and the version of tf3dlocal
        checkpoints/step-000500.keras  all that is needed to resume from step 500, the last few
        log.jsonl                      one line of JSON per report
        log.txt                        what is printed: one line per report, and what was repeated or left out
        tensorboard/                   the numbers of log.jsonl for TensorBoard
        best.keras, best.json          the best model on the held-out subjects, and its step and rank-1
        snapshots/step-000100.keras    the model at a few moments, for supplement Fig. 3
        bad_batch/step-000123.npz      the batch that stopped the training, if one did
        model.keras                    the model of the run, last or best, without the optimizer
        .lock                          held by the call that trains here

    Args:
        path: The folder; made when a training begins.
        shared: The run folder that messages name instead, if this one is the temporary folder of a worker.

    Example:
        >>> import tempfile
        >>> RunFolder(tempfile.mkdtemp()).last_checkpoint() is None
        True
    """

    WORKERS_MARK = ".workers-"  # begins the names of files by which several workers see that they share the folder

    def __init__(self, path: PathLike, *, shared: "RunFolder | None" = None):
        self.path, self.shared = pathlib.Path(path), shared or self
        self.config_file, self.data_file = self.path / "config.yaml", self.path / "data.json"
        self.log_file, self.tensorboard = self.path / "log.jsonl", self.path / "tensorboard"
        self.text_log = self.path / "log.txt"
        self.checkpoints, self.bad_batches = self.path / "checkpoints", self.path / "bad_batch"
        self.model_file, self.lock_file = self.path / "model.keras", self.path / ".lock"
        self.best, self.snapshots = BestModel(self.path), Snapshots(self.path)

    def check(self, config: Experiment, *, data_set: dict | None = None) -> None:
        """Make sure that a training can begin or resume here; nothing is written.

        A folder without a checkpoint and without a model holds nothing to resume: config and data set may be others.

        Args:
            config: Of the training.
            data_set: What `claim` notes: "fingerprint", and "name", "num_walks" and "num_subjects" for people.

        Raises:
            ConfigError: The folder is of another config, another data set or version 0.1, or the training to start from
                cannot be used.
        """
        if found := self.begun():
            may_change = set(MAY_CHANGE)
            if config.training.precision == "auto":
                may_change.add("training.precision")  # it stands for that of the folder, see `choose_precision`
            if config.schedule.name != "warmup_cosine" and config.training.steps > found.training.steps:
                may_change.add("training.steps")  # a longer training; with a cosine every earlier step would differ
            different = {key: pair for key, pair in found.differences(config).items() if key not in may_change}
            if different:
                lines = [f"  {key}: {was!r} in the folder, {now!r} now" for key, (was, now) in different.items()]
                raise ConfigError(
                    f"{self.path} holds a training with another config:\n" + "\n".join(lines) + "\n"
                    "Use another run folder, or set these keys back to resume this training."
                )
        found = self.data_set()
        if data_set and found and self._has_trained() and found["fingerprint"] != data_set["fingerprint"]:
            raise ConfigError(
                f"{self.path} holds a training on {_described(found)}, and now the data set is {_described(data_set)}. "
                "Use another run folder, or give the first data set to resume this training."
            )
        if config.training.start_from and not self.checkpoint_steps():  # later the weights are those of the checkpoint
            check_start(config)

    def begun(self) -> Experiment | None:
        """Return the config of the training that has begun here, or None.

        Raises:
            ConfigError: The folder is of version 0.1, or its config cannot be read.
        """
        check_folder_version(self.path)
        is_begun = self.config_file.exists() and self._has_trained()
        return Experiment.from_yaml(self.config_file) if is_begun else None

    def _has_trained(self):
        return bool(self.checkpoint_steps()) or self.model_file.exists()

    def data_set(self) -> dict | None:
        """Return what `claim` noted about the data set, or None."""
        noted = read_json(self.data_file) if self.data_file.exists() else {}
        return noted if "fingerprint" in noted else None

    def claim(self, config: Experiment, *, data_set: dict | None = None, restored: Restored | None = None) -> None:
        """Make the folder that of this training, in the state of the checkpoint that it resumes from.

        Config, data set and version are noted, what killed calls left half-written is removed, damaged checkpoints are
        renamed, and what was logged or best after the checkpoint is removed: these steps are repeated.
        """
        restored = restored or Restored()
        self.check(config, data_set=data_set)
        for folder in (self.checkpoints, self.tensorboard, self.bad_batches, self.snapshots.folder):
            check_writable(folder)
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        for folder in (self.path, self.checkpoints, self.tensorboard, self.bad_batches, self.snapshots.folder):
            remove_unfinished(folder)
        for mark in self.path.glob(f"{self.WORKERS_MARK}*"):  # of a chief that was killed while all looked for it
            mark.unlink(missing_ok=True)
        if not self.data_file.exists() or not self._has_trained():
            write_json(self.data_file, {VERSION: __version__, **(data_set or {})})
        write_text(self.config_file, config.to_text())
        for path, _ in restored.damaged:
            os.replace(path, path.with_suffix(".damaged"))
        last_kept = restored.step if restored.checkpoint else -1  # without a checkpoint, step 0 is measured again too
        cut_log(self.log_file, step=last_kept)
        cut_lines(self.text_log, step=last_kept)
        cut_event_files(self.tensorboard, step=last_kept)
        self.best.go_back(best_in(restored.checkpoint) if restored.checkpoint else None)
        self.snapshots.go_back(restored.step)

    def hold(self) -> contextlib.AbstractContextManager[bool]:
        """Hold the folder while a block runs; gives False if another call holds it."""
        return file_lock(self.lock_file)

    def in_use(self) -> ConfigError:
        """Return the error of a call that finds the folder held; it names the holder."""
        return ConfigError(
            f"Another training ({lock_holder(self.lock_file)}) is writing into {self.path}. Wait for its end, or use "
            "another run folder."
        )

    def is_finished(self, config: Experiment) -> bool:
        """Return whether all steps are done and model.keras is the model that the config keeps, last or best."""
        last, settings = self.last_checkpoint(), config.training
        has_all_steps = last is not None and last[0] >= settings.steps
        return has_all_steps and self.model_file.exists() and self.model_note()["kept"] == settings.keep_model

    def save_checkpoint(self, model: keras.Model, *, step: int, keep: int, metrics: list | None = None) -> None:
        """Write all of a training after `step` steps, and remove all but the last `keep` checkpoints."""
        best = self.best.file if self.best.file.exists() else None
        path = self._checkpoint(step)
        write_file(path, lambda file: write_checkpoint(file, model=model, metrics=metrics, best=best))
        for old in self.checkpoint_steps()[:-keep]:
            self._checkpoint(old).unlink(missing_ok=True)

    def checkpoint_steps(self) -> list[int]:
        """Return the steps of the checkpoints, ascending."""
        return steps_in(self.checkpoints)

    def last_checkpoint(self) -> tuple[int, pathlib.Path] | None:
        """Return step and file of the newest checkpoint."""
        steps = self.checkpoint_steps()
        return (steps[-1], self._checkpoint(steps[-1])) if steps else None

    def _checkpoint(self, step):
        return self.checkpoints / f"step-{step:06d}.keras"

    def restore(self, model: keras.Model) -> Restored:
        """Load the newest intact checkpoint into a compiled model; nothing is written, see `claim`.

        Raises:
            ValueError: There are checkpoints and none is intact, or they are of another model; the message gives the
                fix.
            ConfigError: There is a model and no checkpoint.
            OSError: A checkpoint could not be reached; it may be intact.
        """
        damaged = []
        for step in reversed(self.checkpoint_steps()):
            path = self._checkpoint(step)
            if reason := damage_of(path):
                damaged.append((path, reason))
                continue
            metrics = load_checkpoint(path, model=model)
            return Restored(step=step, checkpoint=path, metrics=metrics, damaged=tuple(damaged))
        if damaged:
            raise ValueError(
                f"{damaged[0][1]} No checkpoint before it can be read either. Copy one here from a backup, or remove "
                "it, and the training begins anew."
            )
        if self.model_file.exists():
            raise ConfigError(
                f"{self.path} holds a model, {self.model_file.name}, and no checkpoint to resume from. Training anew "
                "there would erase the model: use another run folder (--run), or delete this one."
            )
        return Restored()

    def append_log(self, record: dict) -> None:
        """Add one line to the log."""
        append_record(self.log_file, record)

    def append_line(self, line: str) -> None:
        """Add one line to the text log."""
        append_line(self.text_log, line)

    def read_log(self) -> list[dict]:
        """Return the lines of the log; a last line that a kill cut short is left out."""
        return read_records(self.log_file)

    def model_note(self) -> dict:
        """Return which model model.keras is: {"kept": "last" or "best", "step": ..., and "rank_1" of the best}.

        Example:
            >>> RunFolder("nowhere").model_note()
            {'kept': 'last'}
        """
        return note_of(self.model_file) or {"kept": "last"}

    def write_model(self, model: keras.Model, *, config: Experiment) -> None:
        """Write model.keras after the last step, unless it is there.

        Args:
            model: After the last step; with training.keep_model "best" it gets the weights of the best model.
            config: Of the training.

        Raises:
            ConfigError: The best model is to be kept, and the training has measured none.
        """
        steps, which = config.training.steps, config.training.keep_model
        note = {"kept": which, "step": steps}
        if which == "best":
            best = self.best.note()
            if best is None:
                raise ConfigError(
                    f"training.keep_model is 'best', and nothing was measured while {self.path} was trained. Set it to "
                    "last, or train in another run folder with training.evaluate_every."
                )
            note |= best
            plain_model(model).load_weights(self.best.file)  # the optimizer keeps its state
        if self.model_file.exists() and self.model_note()["kept"] == which:
            return
        if which == "best":
            record = {"step": steps, "kept_step": note["step"], "kept_rank_1": note["rank_1"]}
            if record not in self.read_log():
                self.append_log(record)
        write_file(self.model_file, lambda file: write_model(file, model=model, note=note))


def _described(data_set):
    """A data set for a message."""
    return (
        f"the data set {data_set['name']!r} of {data_set['num_walks']} walks of {data_set['num_subjects']} subjects "
        f"(fingerprint {data_set['fingerprint'][:8]})"
    )
