"""Train the tiny model twice by `tf3dlocal train`: once undisturbed, once killed repeatedly. See test_killed.py.

    python killed.py FOLDER PRECISION..

FOLDER gets for each precision whole/ and killed/, two run folders, and kills.json: how each call of the second one ended.

Each call is a separate process that is killed by SIGKILL, but TensorFlow is imported once, before the first: a fork of
a process in which it has not begun to compute costs nothing.
"""

import functools
import json
import os
import pathlib
import random
import signal
import sys
import time
import traceback

import keras
from small_walks import write_small_walks
from tiny_gait import CONFIG, PROTOCOL, tiny_gait

from tf3dlocal.cli import main
from tf3dlocal.models import MODELS
from tf3dlocal.io import whole_file
from tf3dlocal.training import callbacks, optimizers
from tf3dlocal.training.run import run_folder

OVERRIDES = [
    "steps=20",
    "report_every=3",
    "checkpoint_every=2",
    "evaluate_every=4",
    "held_out_subjects=2",
    "keep_model=best",
]
OVERRIDES = [f"training.{override}" for override in OVERRIDES]
OVERRIDES += ["schedule={name: warmup_cosine, learning_rate: 1e-2}"]  # another rate at every step

# One after the other, each in the call that resumes from what the one before it left: pairs (kind, how often it passes).
# Best models are written at step 4, the first that is measured, and never again from a checkpoint of step 4 or later.
KILLS = {
    "float32": [
        ("half best.keras", 0),
        ("half step-000006.keras", 0),
        ("log", 2),  # at step 9, after a report at 6 and a rank-1 at 8
        ("whole log.jsonl", 0),  # of the claim, which takes away the half line
        ("whole step-000012.keras", 0),
        ("whole model.keras", 0),
    ],
    "mixed_float16": [
        ("named best.keras", 0),
        ("half best.json", 0),
        ("outside", 3),  # at step 6 or before
        ("half step-000008.keras", 0),
        ("removal of step-000004.keras", 0),
        ("step", 2),
    ],
}


class Killer:
    """Kills its own process at a moment of a kind, counted from 0.

    step                  after a step, before its checkpoint
    log                   in the middle of a line of the log
    half best.keras       in the middle of writing a file
    whole best.keras      the file is written and not renamed yet
    named best.keras      it has just been renamed
    removal of best.json  a file is about to be removed
    outside               whenever the process above kills; the step of that number waits for it
    """

    def __init__(self, kind, countdown, rng):
        self.kind, self.countdown, self.rng = kind, countdown, rng
        self.sync, self.replace, self.unlink = whole_file.sync, os.replace, pathlib.Path.unlink
        self.append, self.step = run_folder.RunFolder.append_log, callbacks.Report.on_train_batch_end
        whole_file.sync = self.while_writing
        whole_file.os.replace = self.before_the_rename
        pathlib.Path.unlink = lambda path, missing_ok=False: self.before_the_removal(path, missing_ok)
        run_folder.RunFolder.append_log = lambda run, record: self.while_logging(run, record)
        callbacks.Report.on_train_batch_end = lambda report, batch, logs=None: self.after_a_step(report, batch, logs)

    def is_time(self, kind):
        if kind != self.kind:
            return False
        self.countdown -= 1
        return self.countdown < 0

    def die(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def while_writing(self, path):
        if path.is_file() and self.is_time(f"half {path.name}"):
            os.truncate(path, self.rng.randrange(path.stat().st_size))
            self.die()
        self.sync(path)

    def before_the_rename(self, source, target):
        if self.is_time("whole " + target.name):
            self.die()
        self.replace(source, target)
        if self.is_time("named " + target.name):
            self.die()

    def before_the_removal(self, path, missing_ok):
        if self.is_time("removal of " + path.name):
            self.die()
        self.unlink(path, missing_ok=missing_ok)

    def while_logging(self, run, record):
        if self.is_time("log"):
            line = json.dumps(record)
            with open(run.log_file, "a") as file:
                file.write(line[: self.rng.randrange(1, len(line))])
            self.die()
        self.append(run, record)

    def after_a_step(self, report, batch, logs):
        self.step(report, batch, logs)
        report.run.path.with_name("stepping").touch()
        if self.is_time("step"):
            self.die()
        if self.is_time("outside"):
            signal.pause()  # a fast machine would be done before the kill comes


def call(folder, arguments, kill=None, seconds=None, rng=None):
    """One `tf3dlocal train` in a separate process; gives the signal that ended it, 0 for none."""
    stepping = folder / "stepping"
    stepping.unlink(missing_ok=True)
    if (child := os.fork()) == 0:
        with open(folder / "output.txt", "a") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        try:
            Killer(*(kill or ("never", 0)), rng)
            main(arguments)
        except SystemExit as ended:
            os._exit(ended.code or 0)
        except Exception:  # noqa: BLE001  (whatever it is, it must not come back into the process above)
            traceback.print_exc()
        os._exit(70)
    status = None
    if seconds is not None:
        while status is None and not stepping.exists():
            time.sleep(0.005)
            ended, code = os.waitpid(child, os.WNOHANG)
            status = code if ended else None
        if status is None:
            time.sleep(seconds)
            os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1] if status is None else status
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        sys.exit((folder / "output.txt").read_text())
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def train_both(folder, precision):
    rng = random.Random(precision)
    folder.mkdir()
    (folder / "config.yaml").write_text(CONFIG.replace("PROTOCOL", str(folder / "small.yaml")))
    (folder / "small.yaml").write_text(PROTOCOL)
    (folder / "prepared").mkdir()
    write_small_walks(folder / "prepared")
    settings = [word for key in [*OVERRIDES, f"training.precision={precision}"] for word in ("--set", key)]
    arguments = ["train", str(folder / "config.yaml"), "--data", str(folder / "prepared"), *settings, "--run"]
    call(folder, [*arguments, str(folder / "whole")])
    ended, killed = [], [*arguments, str(folder / "killed")]
    for kind, countdown in KILLS[precision]:
        seconds = rng.random() / 4 if kind == "outside" else None
        signal_number = call(folder, killed, (kind, countdown), seconds, rng)
        left = [path.name for path in (folder / "killed").rglob(".*.unfinished/*") if path.name != "lock"]
        ended.append([kind, signal_number, left])
    ended.append(["end", call(folder, killed), []])
    (folder / "kills.json").write_text(json.dumps(ended))


if __name__ == "__main__":
    MODELS["tiny_gait"] = tiny_gait
    # So the scale changes, and a gradient overflows, within a few steps.
    optimizers.LossScaleOptimizer = functools.partial(optimizers.LossScaleOptimizer, dynamic_growth_steps=2)
    # TensorFlow has no average pooling in float16 on a CPU.
    keras.layers.AveragePooling3D = functools.partial(keras.layers.AveragePooling3D, dtype="float32")
    for precision in sys.argv[2:]:
        keras.config.set_dtype_policy(precision)  # the tiny model has no argument for it, which the real ones have
        train_both(pathlib.Path(sys.argv[1], precision), precision)
