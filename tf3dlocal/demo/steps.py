"""The steps of the demo.

Most steps are the library call of one command and print that command, so that a user can repeat it on other data.
Everything is in one folder; what is finished there is not computed again.
"""

import json
import pathlib
import shutil
import time
from collections.abc import Sequence

import numpy as np

from tf3dlocal.cli.console import console, say, start_tensorflow
from tf3dlocal.io import read_json, user_path, write_text
from tf3dlocal.io.types import PathLike

HERE = pathlib.Path(__file__).parent
SUBJECTS = 24
FRAMES = 30
METHOD = "3DLocal, small"


def run_demo(folder: PathLike = "demo", *, seed: int = 0, overrides: Sequence[str] = ()) -> dict:
    """Draw walkers, prepare them, train a small 3DLocal, test it, draw pictures, export it and identify a walk.

    Args:
        folder: Folder for everything; made if absent. A second call reuses its content and takes seconds.
        seed: Seed of the people, the batches and the initial weights.
        overrides: Changes to the config of the training, such as "training.steps=10".

    Returns:
        dict for JSON: mean rank-1 in per cent, seconds per step, paths, and the result of the identification.

    Raises:
        ValueError: The folder contains a demo of another seed or another release; the message says so.

    Example:
        >>> run_demo("demo")["rank_1"]["NM"] > 50    # doctest: +SKIP
        True
    """
    start_tensorflow()
    return _Demo(user_path(folder), seed, overrides).run()


class _Demo:
    """The steps in order; each uses what the steps before it left in the folder."""

    def __init__(self, folder, seed, overrides):
        self.folder, self.seed = folder, seed
        self.raw, self.prepared, self.results = folder / "raw", folder / "prepared", folder / "results"
        self.config, self.protocol = folder / "config.yaml", folder / "protocol.yaml"
        self.trained, self.saved, self.pictures = folder / "run", folder / "saved_model", folder / "pictures"
        self.overrides = [f"data.protocol={json.dumps(str(self.protocol))}", f"training.seed={seed}", *overrides]

    def run(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        steps = {
            "Draw synthetic walkers": self.draw,
            "Align their silhouettes": self.prepare,
            "Train a small 3DLocal": self.train,
            "Rank-1 of people it has never seen": self.evaluate,
            "Draw pictures": self.picture,
            "Export a SavedModel": self.export,
            "Identify a walker": self.identify,
        }
        numbers, begin = {"folder": str(self.folder), "seed": self.seed, "seconds": {}}, time.monotonic()
        for number, (heading, step) in enumerate(steps.items(), start=1):
            before = time.monotonic()
            console.rule(f"{number}/{len(steps)}  {heading}", align="left", style="dim")
            numbers |= step() or {}
            numbers["seconds"][step.__name__] = round(time.monotonic() - before, 1)
        numbers["seconds"]["all"] = round(time.monotonic() - begin, 1)
        console.rule(style="dim")
        say(f"Done in {numbers['seconds']['all']:.0f} s. The pictures are {self.pictures}/*.png.")
        return numbers

    def draw(self):
        from tf3dlocal.data.walkers import write_walkers

        _say_command(f"tf3dlocal walkers {self.raw} --subjects {SUBJECTS} --frames {FRAMES} --seed {self.seed}")
        write_walkers(self.raw, subjects=SUBJECTS, seed=self.seed, frames=FRAMES)  # refuses a folder of another seed
        for file in (self.config, self.protocol):
            shutil.copyfile(HERE / file.name, file)

    def prepare(self):
        from tf3dlocal.data import open_walks, prepare

        _say_command(f"tf3dlocal prepare {self.raw} {self.prepared}")
        report = prepare(self.raw, out=self.prepared, name="walkers")
        self.walks = open_walks(self.prepared)
        return {"num_walks": report.num_walks, "num_frames": report.num_frames}

    def train(self):
        from tf3dlocal.config import Experiment
        from tf3dlocal.training import run_experiment

        settings = f"--set data.protocol={self.protocol} --set training.seed={self.seed}"
        _say_command(f"tf3dlocal train {self.config} --data {self.prepared} {settings} --run {self.trained}")
        experiment = Experiment.from_yaml(self.config, overrides=self.overrides)
        self.model = run_experiment(experiment, data=self.prepared, run=self.trained)
        return {"num_parameters": self.model.count_params()}

    def evaluate(self):
        from tf3dlocal.evaluation import evaluate, evaluate_gait_energy, print_report, write_reports

        _say_command(f"tf3dlocal evaluate {self.trained} --data {self.prepared} --protocol {self.protocol}")
        protocol, printed = str(self.protocol), self.results / "rank1.txt"
        if not printed.exists() or printed.stat().st_mtime <= (self.trained / "model.keras").stat().st_mtime:
            facts = {"model": str(self.trained)}
            result = evaluate(self.model, walks=self.walks, protocol=protocol, seed=self.seed, details=facts)
            with console.capture() as capture:
                print_report(result, method=METHOD, console=console)
            write_reports(result, folder=self.results, method=METHOD)
            write_text(printed, capture.get())
        print(printed.read_text(encoding="utf-8"))
        groups = read_json(self.results / "rank1.json")["rank1"]
        untrained = evaluate_gait_energy(self.walks, protocol=protocol, max_rank=1, progress=False)
        baseline = dict(zip(untrained.groups, untrained.mean().round(2).tolist(), strict=True))
        means = ", ".join(f"{group} {value:.1f}" for group, value in baseline.items())
        say(f"The baseline without training, the nearest gait energy image, has rank-1 {means}.")
        return {
            "rank_1": {group: round(values["mean"], 2) for group, values in groups.items()},
            "rank_1_of_gait_energy_images": baseline,
        }

    def picture(self):
        from tf3dlocal.data import cut_sides
        from tf3dlocal.models import part_geometry
        from tf3dlocal.visualization import contact_sheet, draw_part_boxes, plot_training

        walks = [self.walk("017", condition, view) for condition in ("nm-01", "bg-01", "cl-01") for view in (0, 54, 90)]
        sheet, parts, trace = (self.pictures / f"{name}.png" for name in ("walks", "located_parts", "training"))
        contact_sheet([walk.silhouettes for walk in walks], path=sheet, titles=[walk.name for walk in walks])
        walk = self.walk("017", "nm-01", 90)
        clip = cut_sides(walk.silhouettes)
        draw_part_boxes(clip, **part_geometry(self.model, silhouettes=clip), path=parts, title=walk.name)
        plot_training(self.trained / "log.jsonl", path=trace)
        for path, what in ((sheet, "aligned walks"), (parts, "located parts"), (trace, "loss and rank-1")):
            say(f"{path}: {what}")

    def export(self):
        from tf3dlocal.data import cut_sides
        from tf3dlocal.serving import ExportedModel, export, read_scores
        from tf3dlocal.training import config_of_run

        command = f"tf3dlocal export {self.trained} {self.saved}"
        _say_command(command)
        target = self.saved / "1"
        if not target.exists():
            scores = read_scores(self.results / "rank1.json")
            config = config_of_run(self.trained)
            export(self.model, folder=self.saved, config=config, scores=scores, made_by=command)
        self.exported = ExportedModel(target)
        walk = cut_sides(self.walk("017", "nm-01", 90).silhouettes)[None]
        by_keras = self.model(walk[..., None].astype("float32") / 255, training=False)["embedding"]
        difference = float(np.abs(self.exported.embed(walk) - np.asarray(by_keras)).max())
        say(f"{target}: its embedding differs from that of the model by at most {difference:.1e}.")
        return {"saved_model": str(target), "export_difference": difference}

    def identify(self):
        from tf3dlocal.serving import WalkEmbeddings

        tested = [f"{number:03d}" for number in range(17, SUBJECTS + 1)]
        known = [(f"subject {subject}", self.raw / subject / "nm-01" / "090") for subject in tested]
        unknown = self.raw / tested[self.seed % len(tested)] / "bg-01" / "072"
        gallery = WalkEmbeddings.of_folders(known, embedder=self.exported)
        gallery.write(self.folder / "gallery.npz")
        _say_command(f"tf3dlocal embed {self.saved} {unknown} --gallery {self.folder / 'gallery.npz'}")
        probe = WalkEmbeddings.of_folders([("unknown", unknown)], embedder=self.exported)
        (hits,) = probe.nearest(gallery, count=3)
        truth = f"subject {unknown.parts[-3]}"
        say(
            f"The probe is a walk of {truth}, with a bag, seen from 72 degrees. The gallery has {len(known)} people "
            "without a bag, seen from 90 degrees."
        )
        for place, (name, distance) in enumerate(hits, start=1):
            say(f"  {place}. {name}  (distance {distance:.3f}){'  <- right' if name == truth else ''}")
        return {"identified": hits[0][0], "truth": truth}

    def walk(self, subject, condition, view):
        return self.walks.select(subjects=[subject], conditions=[condition], views=[view]).read(0)


def _say_command(command: str) -> None:
    say(f"$ {command}", style="bold")
