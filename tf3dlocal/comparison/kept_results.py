"""The rank-1 of a run and what it costs, computed once and kept beside the runs."""

import functools
import hashlib
import json
import os
import pathlib
import statistics

import numpy as np
import tensorflow as tf

from tf3dlocal.comparison.planned_runs import PlannedRun
from tf3dlocal.evaluation import Protocol, evaluate, evaluate_gait_energy, json_report
from tf3dlocal.models import embedding_model
from tf3dlocal.open_model import open_model
from tf3dlocal.training.forward_flops import forward_flops
from tf3dlocal.training.run_folder import RunFolder
from tf3dlocal.training.strategy import choose_jit_compile
from tf3dlocal.visualization.whole_file import write_whole_file

FORMAT = 1  # of the kept files; a change of their content makes the older ones stale
FRAMES_OF_A_WALK = 30  # for which the cost of a forward pass is given
FEW_LENGTHS = 4  # XLA compiles for every length of walk anew: minutes where there are many


def result_of_run(run: PlannedRun, walks, protocol: Protocol, distance: str, data: str, file, progress=True) -> dict:
    """Test a finished run, or take what an earlier call found for the same model file, data set, protocol and distance.

    Args:
        run: a finished training.
        walks: WalkDataset.
        protocol, distance: as for `evaluate`.
        data: fingerprint of the data set.
        file: where the result is kept.
        progress: show a bar.

    Returns:
        dict: "result" (see `json_report`), "num_parameters" (trainable), "forward_flops" (of 30 frames).
    """
    stamp = _stamp(protocol, data, distance=distance, model=_checksum(RunFolder(run.folder).model_file))
    return _kept(file, stamp, functools.partial(_test, run, walks, protocol, distance, progress))


def result_of_gait_energy(walks, protocol: Protocol, data: str, file, progress=True) -> dict:
    """The same for the nearest gait energy image, which nobody trains: {"result": ...}."""

    def test():
        return {"result": json_report(evaluate_gait_energy(walks, protocol, progress=progress))}

    return _kept(file, _stamp(protocol, data, model="gei"), test)


def cost_of_training(folder: str | os.PathLike) -> dict:
    """What the log of a run says of its pace.

    Returns:
        dict: "steps"; "seconds_per_step", the list of all reports; "minutes", of all steps together, without compiling,
        checkpoints and tests in between; None where the log has no times.
    """
    records = [record for record in RunFolder(folder).read_log() if "loss" in record]
    known = [record["seconds_per_step"] for record in records if "seconds_per_step" in record]
    minutes = None
    if known:
        usual = statistics.median(known)  # for the first step of a call, which compiles and is not timed
        before = [0, *(record["step"] for record in records)]
        pairs = zip(records, before, strict=False)
        minutes = sum((r["step"] - b) * r.get("seconds_per_step", usual) for r, b in pairs) / 60
    return {"steps": records[-1]["step"] if records else None, "seconds_per_step": known, "minutes": minutes}


def _test(run, walks, protocol, distance, progress):
    model = open_model(run.folder)
    embedder = embedding_model(model)
    tested = embedder
    settings = run.config.training
    can_compile = choose_jit_compile(settings.jit_compile, tf.distribute.get_strategy(), settings.steps)
    if can_compile and len(np.unique(walks.num_frames)) <= FEW_LENGTHS:
        tested = compiled(embedder)  # twice as fast on two CPU cores
    facts = {"model": run.name}
    result = evaluate(tested, walks, protocol, distance, seed=run.seed, details=facts, progress=progress)
    return {
        "result": json_report(result),
        "num_parameters": sum(weight.numpy().size for weight in model.trainable_weights),
        "forward_flops": forward_flops(embedder, FRAMES_OF_A_WALK),
    }


def compiled(embedder):
    """The embedder's inference as XLA compiles it, anew for every length of walk and size of batch."""

    @tf.function(jit_compile=True)
    def embed(silhouettes):
        return embedder(silhouettes, training=False)

    return embed


def _kept(file, stamp, compute):
    """The content of `file` if it bears this stamp, else what `compute` gives, which is then kept there."""
    file = pathlib.Path(file)
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if found["stamp"] == stamp:
            return found
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        pass  # not there yet, or not ours: computed and written anew
    found = {"stamp": stamp, **compute()}
    text = json.dumps(found, allow_nan=False, default=str) + "\n"
    write_whole_file(file, lambda unfinished: unfinished.write_text(text, encoding="utf-8"))
    return json.loads(text)  # the same to the caller whether it was kept or not


def _stamp(protocol, data, **facts):
    return {"format": FORMAT, "protocol": protocol.model_dump(mode="json"), "data": data, **facts}


def _checksum(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
