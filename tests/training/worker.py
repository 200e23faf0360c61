"""One worker of a training of the tiny model through `run_experiment`; run as a program, with TF_CONFIG set or not.

python worker.py PREPARED RUN OUT.npz [KEY=VALUE ...]

OUT.npz gets the weights and, where the loss is scaled, its scale and the steps that were not left out. Under the name
TF3DLOCAL_TEST_DIE_AT the environment may hold a step after which the process kills itself, under TF3DLOCAL_TEST_PATIENCE the
seconds that it waits for the others, and for what they write, under TF3DLOCAL_TEST_DAMAGED the name of a checkpoint that this
process alone finds damaged.
"""

import os
import pathlib
import signal
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from tiny_gait import CONFIG, tiny_gait

from tf3dlocal.config import Experiment
from tf3dlocal.models import MODELS
from tf3dlocal.training import run_experiment
from tf3dlocal.training.callbacks import Report
from tf3dlocal.training.distributed import strategy, workers
from tf3dlocal.training.run import run_folder


def main(prepared, run, out, overrides):
    MODELS["tiny_gait"] = tiny_gait
    strategy.PATIENCE_SECONDS = workers.SECONDS_UNTIL_SEEN = int(os.environ.get("TF3DLOCAL_TEST_PATIENCE", "300"))
    if last := os.environ.get("TF3DLOCAL_TEST_DIE_AT"):
        die_after(int(last))
    if name := os.environ.get("TF3DLOCAL_TEST_DAMAGED"):
        damage_of = run_folder.damage_of
        run_folder.damage_of = lambda file: "A wrong bit." if file.name == name else damage_of(file)
    config = Experiment.from_text(CONFIG.replace("PROTOCOL", str(prepared / "small.yaml")), overrides=overrides)
    model = run_experiment(config, data=prepared, run=run, progress=False)
    found = {str(i): weight for i, weight in enumerate(model.get_weights())}
    if hasattr(model.optimizer, "dynamic_scale"):
        found |= {name: getattr(model.optimizer, name).numpy() for name in ("dynamic_scale", "iterations")}
    np.savez(out, **found)


def die_after(last):
    """Kill the process after this step, before anything of it is reported or kept."""
    before = Report.on_train_batch_end

    def on_train_batch_end(self, batch, logs=None):
        if self.first_step + batch + 1 == last:
            os.kill(os.getpid(), signal.SIGKILL)
        before(self, batch, logs)

    Report.on_train_batch_end = on_train_batch_end


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4:])
