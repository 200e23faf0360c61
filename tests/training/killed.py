"""Trains the tiny model twice by `tf3dlocal train`: once undisturbed, once killed again and again. See test_killed.py.

    python killed.py FOLDER PRECISION..

FOLDER gets for each precision whole/ and killed/, two run folders, and kills.json: how each call of the second one ended.

Each call is a process of its own that is killed by SIGKILL, but TensorFlow is imported once, before the first: a fork of a
process in which it has not begun to compute costs nothing.
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
from tf3dlocal.training import callbacks, run_folder

OVERRIDES = ["steps=20", "report_every=3", "checkpoint_every=2", "evaluate_every=4", "held_out_subjects=2", "keep_model=best"]


class Killer:
    """Kills its own process at the n-th moment of a kind: "step", "log", or what is being written, such as "best.keras".

    The kill of the kind "outside" comes from the process above; the n-th step waits for it.
    """

    def __init__(self, kind, countdown, rng):
        self.kind, self.countdown, self.rng = kind, countdown, rng
        self.sync, self.replace = run_folder.sync, os.replace
        self.append, self.step = run_folder.RunFolder.append_log, callbacks.Report.on_train_batch_end
        run_folder.sync = self.while_writing
        run_folder.os.replace = self.before_the_rename
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
        if path.is_file() and self.is_time("half " + path.name.partition("-")[2]):
            os.truncate(path, self.rng.randrange(path.stat().st_size))
            self.die()
        self.sync(path)

    def before_the_rename(self, source, target):
        if self.is_time("whole " + target.name):
            self.die()
        self.replace(source, target)
        if self.is_time("named " + target.name):
            self.die()

    def while_logging(self, run, record):
        if self.is_time("log"):
            line = json.dumps(record)
            with open(run.log_file, "a") as file:
                file.write(line[: self.rng.randrange(len(line))])
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
    """One `tf3dlocal train` in a process of its own; gives the signal that ended it, 0 for none."""
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


def kills_of(rng):
    """Pairs (kind, how often it passes): half a checkpoint and a kill from outside, and two of the others."""
    others = [("whole step-{:06d}.keras", 0), ("log", rng.randrange(3)), ("step", rng.randrange(4))]
    others += [("half best.keras", 0), ("named best.keras", 0)]
    kinds = [("half step-{:06d}.keras", 0), ("outside", rng.random() / 4), *rng.sample(others, 2)]
    rng.shuffle(kinds)
    return kinds


def train_both(folder, precision):
    rng = random.Random(precision)
    folder.mkdir()
    (folder / "config.yaml").write_text(CONFIG.replace("PROTOCOL", str(folder / "small.yaml")))
    (folder / "small.yaml").write_text(PROTOCOL)
    (folder / "prepared").mkdir()
    write_small_walks(folder / "prepared")
    settings = [word for key in [*OVERRIDES, f"precision={precision}"] for word in ("--set", f"training.{key}")]
    arguments = ["train", str(folder / "config.yaml"), "--data", str(folder / "prepared"), *settings, "--run"]
    call(folder, [*arguments, str(folder / "whole")])
    ended, killed = [], [*arguments, str(folder / "killed")]
    for kind, value in kills_of(rng):
        if kind == "outside":
            signal_number = call(folder, killed, (kind, 3), seconds=value)
        else:
            steps = [int(path.stem[5:]) for path in (folder / "killed" / "checkpoints").glob("step-*.keras")]
            kind = kind.format(max(steps, default=0) + rng.choice([2, 4]))  # the next checkpoint or the one after it
            signal_number = call(folder, killed, (kind, value), rng=rng)
        left = [path.name for path in (folder / "killed" / ".unfinished").glob("*")]
        ended.append([kind, signal_number, left])
    ended.append(["end", call(folder, killed), []])
    (folder / "kills.json").write_text(json.dumps(ended))


if __name__ == "__main__":
    MODELS["tiny_gait"] = tiny_gait
    # So the scale changes, and a gradient overflows, within a few steps.
    keras.optimizers.LossScaleOptimizer = functools.partial(keras.optimizers.LossScaleOptimizer, dynamic_growth_steps=2)
    # TensorFlow has no average pooling in float16 on a CPU.
    keras.layers.AveragePooling3D = functools.partial(keras.layers.AveragePooling3D, dtype="float32")
    for precision in sys.argv[2:]:
        keras.config.set_dtype_policy(precision)  # the tiny model has no argument for it, which the real ones have
        train_both(pathlib.Path(sys.argv[1], precision), precision)
