"""The folder of one training: its config, checkpoints, log and model."""

import json
import os
import pathlib
import re
import secrets
import zipfile

from tf3dlocal.config import ConfigError, Experiment

# What may change between two calls with the same folder: it changes where and how fast, not what is learned.
MAY_CHANGE = {
    "data.folder",
    "training.strategy",
    "training.jit_compile",
    "training.report_every",
    "training.checkpoint_every",
    "training.keep_checkpoints",
    "training.evaluate_every",
}

RANDOM_STATES = "random_states.json"  # a member of a checkpoint beside Keras' own


class RunFolder:
    """One training on disk; everything in it is written under a temporary name first and then renamed.

        config.yaml                  the whole config, defaults and changes included
        checkpoints/step-000500.keras  model and optimizer after 500 steps, the last few
        log.jsonl                    one line of JSON per report
        tensorboard/                 the same for TensorBoard
        model.keras                  the fitted model, without the optimizer

    Args:
        path: made if absent.

    Raises:
        ConfigError: the folder belongs to another config (from `check` and `claim`).

    Example:
        >>> import tempfile
        >>> RunFolder(tempfile.mkdtemp()).last_checkpoint() is None
        True
    """

    def __init__(self, path: str | os.PathLike):
        self.path = pathlib.Path(path)
        self.config_file = self.path / "config.yaml"
        self.checkpoints = self.path / "checkpoints"
        self.log_file = self.path / "log.jsonl"
        self.tensorboard = self.path / "tensorboard"
        self.model_file = self.path / "model.keras"

    def check(self, config: Experiment) -> None:
        """Make sure that the folder is new or belongs to this config; nothing is written."""
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

    def claim(self, config: Experiment) -> None:
        """Write the config into the folder, which must be new or belong to it."""
        self.check(config)
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        self.write(self.config_file, lambda file: file.write_text(config.to_text(), encoding="utf-8"))

    def write(self, path: pathlib.Path, write) -> None:
        """Call `write(temporary path)` and rename to `path`: a reader sees the old file or the new one, never half."""
        unfinished = path.with_name(f".{secrets.token_hex(4)}-{path.name}")  # keeps the suffix, by which Keras chooses
        try:
            write(unfinished)
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)

    def save_checkpoint(self, model, step: int, keep: int) -> None:
        """Write the model with its optimizer after `step` steps and remove all but the last `keep` checkpoints."""

        def write(file):
            model.save(file)
            with zipfile.ZipFile(file, "a") as archive:  # Keras leaves out where the random draws of dropout stand
                archive.writestr(RANDOM_STATES, json.dumps([v.numpy().tolist() for v in random_states(model)]))

        self.write(self.checkpoints / f"step-{step:06d}.keras", write)
        for old in self.checkpoint_steps()[:-keep]:
            (self.checkpoints / f"step-{old:06d}.keras").unlink()

    def checkpoint_steps(self) -> list[int]:
        """Steps of the checkpoints that are there, ascending."""
        names = (re.fullmatch(r"step-(\d+)\.keras", path.name) for path in self.checkpoints.glob("step-*.keras"))
        return sorted(int(name[1]) for name in names if name)

    def last_checkpoint(self) -> tuple[int, pathlib.Path] | None:
        """Step and file of the newest checkpoint."""
        steps = self.checkpoint_steps()
        return (steps[-1], self.checkpoints / f"step-{steps[-1]:06d}.keras") if steps else None

    def restore(self, model) -> int:
        """Load the newest checkpoint, with optimizer and random draws, into a compiled model; returns its step, 0 if none.

        Raises:
            ValueError: the file cannot be read; the message says what to do.
        """
        step, path = self.last_checkpoint() or (0, None)
        if path is None:
            return 0
        try:
            model.load_weights(path)
            with zipfile.ZipFile(path) as archive:
                states = json.loads(archive.read(RANDOM_STATES))
        except (zipfile.BadZipFile, KeyError, OSError) as error:
            raise ValueError(
                f"{path} cannot be read ({error}): remove it, and the training goes on from the checkpoint before it"
            ) from error
        for variable, state in zip(random_states(model), states, strict=True):
            variable.assign(state)
        return step

    def append_log(self, record: dict) -> None:
        """Add one line to the log."""
        with open(self.log_file, "a", encoding="utf-8") as file:
            file.write(json.dumps(record, allow_nan=False) + "\n")

    def read_log(self) -> list[dict]:
        """The lines of the log; a last line that a kill cut short is left out."""
        if not self.log_file.exists():
            return []
        lines = self.log_file.read_text(encoding="utf-8").split("\n")
        return [json.loads(line) for line in lines[:-1] if line]  # what follows the last line break is unfinished

    def cut_log(self, step: int) -> None:
        """Forget what was logged after `step`: a resumed training makes these steps again."""
        kept = "".join(json.dumps(record) + "\n" for record in self.read_log() if record["step"] <= step)
        if self.log_file.exists() and self.log_file.read_text(encoding="utf-8") != kept:
            self.write(self.log_file, lambda file: file.write_text(kept, encoding="utf-8"))


def random_states(model) -> list:
    """The variables of a model that are not weights: the seeds and counters of its random layers."""
    weights = {id(variable) for variable in model.weights}
    return [variable for variable in model.variables if id(variable) not in weights]
