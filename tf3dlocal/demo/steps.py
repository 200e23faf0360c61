"""The steps of the demo.

Most steps are the library call of one command and print that command, so that a user can repeat it on other data.
Everything is in one folder; what is finished there is not computed again.
"""

import json
import pathlib
import shlex
import shutil
import time
from collections.abc import Sequence

import numpy as np
import rich.box
import rich.table

from tf3dlocal.cli.console import console, say, start_tensorflow
from tf3dlocal.io import read_json, user_path, write_text
from tf3dlocal.io.types import PathLike

HERE = pathlib.Path(__file__).parent
SUBJECTS = 24
FRAMES = 30
METHOD, GLOBAL_PATH, BASELINE = "3DLocal, small", "its global path alone", "no training: nearest mean silhouette"
WITHOUT_LOCAL_PATHS = "model.arguments.local_blocks=[]"


def run_demo(folder: PathLike = "demo", *, seed: int = 0, overrides: Sequence[str] = ()) -> dict:
    """Draw walkers, prepare them, train a small 3DLocal with and without local paths, test, draw, export and identify.

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
        self.trained, self.global_path = folder / "run", folder / "run_global_path"
        self.saved, self.pictures = folder / "saved_model", folder / "pictures"
        self.overrides = [f"data.protocol={json.dumps(str(self.protocol))}", f"training.seed={seed}", *overrides]

    def run(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        steps = {
            "Draw synthetic walkers": self.draw,
            "Align their silhouettes": self.prepare,
            "Train a small 3DLocal": self.train,
            "Train its global path alone, for comparison": self.train_global_path,
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
        self.model = self.fit(self.trained)
        return {"num_parameters": self.model.count_params()}

    def train_global_path(self):
        self.model_without = self.fit(self.global_path, WITHOUT_LOCAL_PATHS)

    def fit(self, run, *overrides):
        from tf3dlocal.config import Experiment
        from tf3dlocal.training import run_experiment

        settings = [f"data.protocol={self.protocol}", f"training.seed={self.seed}", *overrides]
        settings = " ".join(f"--set {shlex.quote(setting)}" for setting in settings)
        _say_command(f"tf3dlocal train {self.config} --data {self.prepared} {settings} --run {run}")
        experiment = Experiment.from_yaml(self.config, overrides=[*self.overrides, *overrides])
        return run_experiment(experiment, data=self.prepared, run=run)

    def evaluate(self):
        from tf3dlocal.evaluation import evaluate_gait_energy

        _say_command(f"tf3dlocal evaluate {self.trained} --data {self.prepared} --protocol {self.protocol}")
        groups = self.test(self.model, method=METHOD, run=self.trained, results=self.results)
        print((self.results / "rank1.txt").read_text(encoding="utf-8"))
        folder = self.results / "global_path"
        without = self.test(self.model_without, method=GLOBAL_PATH, run=self.global_path, results=folder)
        untrained = evaluate_gait_energy(self.walks, protocol=str(self.protocol), max_rank=1, progress=False)
        means = {
            BASELINE: dict(zip(untrained.groups, untrained.mean().round(2).tolist(), strict=True)),
            GLOBAL_PATH: {group: round(values["mean"], 2) for group, values in without.items()},
            METHOD: {group: round(values["mean"], 2) for group, values in groups.items()},
        }
        _print_means(means)
        baseline, global_path, network = means.values()
        return {
            "rank_1": network,
            "rank_1_of_the_global_path_alone": global_path,
            "rank_1_of_gait_energy_images": baseline,
        }

    def test(self, model, *, method, run, results):
        """Test a trained model unless its results are newer, and return the ranks of each group."""
        from tf3dlocal.evaluation import evaluate, print_report, write_reports

        printed = results / "rank1.txt"
        if not printed.exists() or printed.stat().st_mtime <= (run / "model.keras").stat().st_mtime:
            facts, protocol = {"model": str(run)}, str(self.protocol)
            result = evaluate(model, walks=self.walks, protocol=protocol, seed=self.seed, details=facts)
            with console.capture() as capture:
                print_report(result, method=method, console=console)
            write_reports(result, folder=results, method=method)
            write_text(printed, capture.get())
        return read_json(results / "rank1.json")["rank1"]

    def picture(self):
        from tf3dlocal.data import cut_sides
        from tf3dlocal.models import part_geometry
        from tf3dlocal.visualization import contact_sheet, draw_part_boxes, plot_learning_curves, plot_training

        walks = [self.walk("017", condition, view) for condition in ("nm-01", "bg-01", "cl-01") for view in (0, 54, 90)]
        sheet, parts, trace, curves = (
            self.pictures / f"{name}.png" for name in ("walks", "located_parts", "training", "learning_curves")
        )
        contact_sheet([walk.silhouettes for walk in walks], path=sheet, titles=[walk.name for walk in walks])
        walk = self.walk("017", "nm-01", 90)
        clip = cut_sides(walk.silhouettes)
        draw_part_boxes(clip, **part_geometry(self.model, silhouettes=clip), path=parts, title=walk.name)
        plot_training(self.trained / "log.jsonl", path=trace)
        plot_learning_curves({METHOD: [self.trained], GLOBAL_PATH: [self.global_path]}, path=curves)
        for path, what in (
            (sheet, "aligned walks"),
            (parts, "located parts"),
            (trace, "loss and rank-1"),
            (curves, "rank-1 of held-out training subjects, with and without local paths"),
        ):
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
        from tf3dlocal.serving import gallery as known_people

        tested = [f"{number:03d}" for number in range(17, SUBJECTS + 1)]
        known = [(f"subject {subject}", self.raw / subject / "nm-01" / "090") for subject in tested]
        unknown = self.raw / tested[self.seed % len(tested)] / "bg-01" / "072"
        rule = known_people.WindowRule.of_card(self.exported.card)
        settings = {"embedder": self.exported, "rule": rule, "frame_rate": 25}
        gallery = known_people.Gallery(model=known_people.GalleryModel.of(self.exported), rule=rule)
        for name, folder in known:
            gallery = gallery.with_walk(known_people.EmbeddedWalk.of_folder(folder, **settings), name=name)
        known_people.write_gallery(gallery, path=self.folder / "people.npz")
        _say_command(f"tf3dlocal identify {self.folder / 'people.npz'} {unknown} --fps 25")
        walk = known_people.EmbeddedWalk.of_folder(unknown, **settings)
        (hits,) = gallery.nearest([walk], count=3)
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


def _print_means(means: dict[str, dict[str, float]]) -> None:
    """Print the mean rank-1 of each group of probes, one line per method."""
    table = rich.table.Table(box=rich.box.SIMPLE_HEAD, pad_edge=False, title="Mean rank-1 (%)", title_justify="left")
    table.add_column("")
    for group in next(iter(means.values())):
        table.add_column(group, justify="right")
    for label, groups in means.items():
        table.add_row(label, *(f"{value:.1f}" for value in groups.values()))
    console.print(table)


def _say_command(command: str) -> None:
    say(f"$ {command}", style="bold")
