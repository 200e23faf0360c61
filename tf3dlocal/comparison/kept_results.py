"""Rank-1 and cost of each run, computed once and kept next to the runs."""

import hashlib
import json
import pathlib
import statistics
from collections.abc import Callable
from typing import Any

from tf3dlocal import load_model
from tf3dlocal.comparison.planned_runs import PlannedRun
from tf3dlocal.data import WalkDataset
from tf3dlocal.evaluation import Protocol, evaluate, evaluate_gait_energy, json_report
from tf3dlocal.io import UnreadableError, read_json, write_json
from tf3dlocal.io.types import PathLike
from tf3dlocal.models import embedding_model
from tf3dlocal.training import RunFolder, forward_flops

FORMAT = 3  # of the kept files; a change of their content makes the older ones stale
FRAMES_OF_A_WALK = 30  # for which the cost of a forward pass is given


class KeptResults:
    """Results of tests in one folder: each is computed once for its model file, data set, protocol and distance.

    Args:
        folder: Folder of the results, created if absent.
        walks: Data set of the test.
        protocol: Protocol of the test.
        distance: Distance between embeddings.
        fingerprint: Fingerprint of the data set.
        progress: Show progress bars.
    """

    def __init__(
        self,
        folder: PathLike,
        *,
        walks: WalkDataset,
        protocol: Protocol,
        distance: str,
        fingerprint: str,
        progress: bool = True,
    ) -> None:
        self.folder = pathlib.Path(folder)
        self.walks, self.protocol, self.distance = walks, protocol, distance
        self.fingerprint, self.progress = fingerprint, progress

    def of_run(self, run: PlannedRun) -> dict[str, Any]:
        """Test a finished run, or return what an earlier call found for the same model file and settings.

        Returns:
            dict: "result" (see `json_report`), "num_parameters" (trainable), "forward_flops" (of 30 frames).
        """

        def test() -> dict[str, Any]:
            model = load_model(run.folder)
            embedder = embedding_model(model)
            result = evaluate(
                embedder,
                walks=self.walks,
                protocol=self.protocol,
                distance=self.distance,
                method=run.label,
                seed=run.seed,
                step=RunFolder(run.folder).model_note().get("step"),
                details={"model": run.name},
                progress=self.progress,
            )
            return {
                "result": json_report(result),
                "num_parameters": sum(weight.numpy().size for weight in model.trainable_weights),
                "forward_flops": forward_flops(embedder, num_frames=FRAMES_OF_A_WALK),
            }

        stamp = {"distance": self.distance, "model": _checksum(RunFolder(run.folder).model_file)}
        return self._kept(f"{run.name}.json", stamp=stamp, compute=test)

    def of_gait_energy(self) -> dict[str, Any]:
        """Do the same for the nearest gait energy image, which has no training: {"result": ...}."""

        def test() -> dict[str, Any]:
            result = evaluate_gait_energy(self.walks, protocol=self.protocol, progress=self.progress)
            return {"result": json_report(result)}

        return self._kept("gei.json", stamp={"model": "gei"}, compute=test)

    def _kept(self, name: str, *, stamp: dict, compute: Callable[[], dict]) -> dict[str, Any]:
        """Return the content of a file if it has this stamp and is as it was written, else compute and keep it."""
        file = self.folder / name
        protocol = self.protocol.model_dump(mode="json")
        stamp = {"format": FORMAT, "protocol": protocol, "data": self.fingerprint, **stamp}
        try:
            found = read_json(file)
            if isinstance(found, dict) and found.get("stamp") == {**stamp, "checksum": _checksum_of_values(found)}:
                return found
        except (FileNotFoundError, UnreadableError):
            pass  # computed and written again
        values = {"stamp": stamp, **compute()}
        values["stamp"]["checksum"] = _checksum_of_values(values)
        write_json(file, values)
        return read_json(file)  # so that the first call returns the same as a later one


def cost_of_training(folder: PathLike) -> dict[str, Any]:
    """Read the pace of a training from its log.

    Returns:
        dict: "steps"; "seconds_per_step", the list of all reports; "minutes" of all steps, without compilation,
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


def _checksum_of_values(values: dict) -> str:
    """Return the checksum of all but the stamp, so that a file that was damaged or edited is computed again."""
    text = json.dumps({key: value for key, value in values.items() if key != "stamp"}, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", errors="backslashreplace")).hexdigest()


def _checksum(path: pathlib.Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
