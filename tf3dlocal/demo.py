"""The whole road in one call: synthetic people, preparation, training, rank-1 table, pictures, SavedModel, "who is it?".

Every step is the library call that its verb makes, and says which verb that is, so that the next data set can be one's
own. Everything is kept in one folder, and what is there is used again.
"""

import json
import pathlib
import time

import numpy as np

from tf3dlocal.console import console, start_tensorflow

SUBJECTS = 24
FRAMES = 30

PROTOCOL = """\
# CASIA-B's protocol on fewer people: gallery nm-01..04, probes nm-05..06, bg, cl, one gallery view at a time.
name: walkers-demo
title: synthetic walkers, 16 subjects train, 8 are tested
source: "the protocol of CASIA-B (see casia-b-st) with other subjects"
train: [001..016]
test: [017..024]
gallery: [nm-01, nm-02, nm-03, nm-04]
probes:
  NM: [nm-05, nm-06]
  BG: [bg-01, bg-02]
  CL: [cl-01, cl-02]
views: [0, 18, 36, 54, 72, 90, 108, 126, 144, 162, 180]
identical_views: exclude
"""

CONFIG = """\
# A 3DLocal small enough to learn while one waits: three eighths of the paper's channels, short clips, few steps.
data:
  folder: {prepared}
  protocol: {protocol}
  subjects_per_batch: 4
  walks_per_subject: 4
  clip_length: 12
  window: [12, 16]
model:
  name: three_d_local
  arguments: {{channels: [12, 24, 48], local_blocks: [3], embedding_channels: 64, compact_channels: null}}
losses:
  triplet: {{mining: batch_all, margin: 0.2}}
# Twenty times the paper's rate, for there are few steps; localization keeps the paper's, or the parts leave the body.
optimizer: {{name: adam, localization_rate: 0.05}}
schedule: {{name: warmup_cosine, learning_rate: 0.002, warmup_steps: 10}}
training:
  steps: 120
  seed: {seed}
  report_every: 10
  checkpoint_every: 40
  evaluate_every: 40
  held_out_subjects: 4
  held_out_views: [36, 90, 144]
"""


def run_demo(folder="demo", seed=0):
    """Draws walkers, prepares them, trains a small 3DLocal, tests it, draws pictures, exports it and identifies a walk.

    Args:
      folder: where everything is kept; made if absent. A second call uses what is there and takes seconds.
      seed: draws the people, the batches and the first weights.

    Returns:
      dict for JSON: rank-1 means in per cent, seconds per step, where things are, and who was identified as whom.

    Raises:
      ValueError: the folder holds a demo of another seed or of another release; the message says so.

    Example:
      >>> run_demo("demo")["rank_1"]["NM"] > 50    # doctest: +SKIP
      True
    """
    start_tensorflow()
    return _Demo(pathlib.Path(folder), seed).run()


class _Demo:
    """The steps in order; each takes what the ones before left in the folder."""

    def __init__(self, folder, seed):
        self.folder, self.seed = folder, seed
        self.raw, self.prepared, self.results = folder / "raw", folder / "prepared", folder / "results"
        self.config, self.protocol = folder / "config.yaml", folder / "protocol.yaml"
        self.trained, self.saved, self.pictures = folder / "run", folder / "saved_model", folder / "pictures"

    def run(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        steps = (self.draw, self.prepare, self.train, self.evaluate, self.picture, self.export, self.identify)
        numbers, begin = {"folder": str(self.folder), "seed": self.seed, "seconds": {}}, time.monotonic()
        for number, step in enumerate(steps, start=1):
            before = time.monotonic()
            console.rule(f"{number}/{len(steps)}  {step.__doc__}", align="left", style="dim")
            numbers |= step() or {}
            numbers["seconds"][step.__name__] = round(time.monotonic() - before, 1)
        numbers["seconds"]["all"] = round(time.monotonic() - begin, 1)
        console.rule(style="dim")
        console.print(f"Done in {numbers['seconds']['all']:.0f} s. Look at {self.pictures}/*.png", markup=False)
        return numbers

    def draw(self):
        """Draw people who walk"""
        from tf3dlocal.data.walkers import write_walkers

        self.say(f"tf3dlocal walkers {self.raw} --subjects {SUBJECTS} --frames {FRAMES} --seed {self.seed}")
        write_walkers(self.raw, SUBJECTS, self.seed, FRAMES)  # refuses a folder of another seed
        self.config.write_text(CONFIG.format(prepared=self.prepared, protocol=self.protocol, seed=self.seed))
        self.protocol.write_text(PROTOCOL)

    def prepare(self):
        """Align their silhouettes"""
        from tf3dlocal.data import open_walks
        from tf3dlocal.data.prepare import prepare

        self.say(f"tf3dlocal prepare {self.raw} {self.prepared}")
        report = prepare(self.raw, self.prepared, name="walkers")
        self.walks = open_walks(self.prepared)
        return {"num_walks": report.num_walks, "num_frames": report.num_frames}

    def train(self):
        """Train a small 3DLocal"""
        from tf3dlocal.config import Experiment
        from tf3dlocal.training import run_experiment

        self.say(f"tf3dlocal train {self.config} --run {self.trained}")
        self.model = run_experiment(Experiment.from_yaml(self.config), run=self.trained)
        return {"num_parameters": self.model.count_params()}

    def evaluate(self):
        """Rank-1 of people it has never seen"""
        from tf3dlocal.evaluation import evaluate, evaluate_gait_energy, print_report, write_reports

        self.say(f"tf3dlocal evaluate {self.trained} --data {self.prepared} --protocol {self.protocol}")
        printed, found = self.results / "rank1.txt", self.results / "rank1.json"
        if printed.exists() and printed.stat().st_mtime > (self.trained / "model.keras").stat().st_mtime:
            print(printed.read_text(encoding="utf-8"))
        else:
            facts = {"model": str(self.trained)}
            result = evaluate(self.model, self.walks, str(self.protocol), seed=self.seed, details=facts)
            with console.capture() as capture:
                print_report(result, method="3DLocal, small", console=console)
            print(capture.get())
            write_reports(result, self.results, method="3DLocal, small")
            printed.write_text(capture.get(), encoding="utf-8")
        groups = json.loads(found.read_text(encoding="utf-8"))["rank1"]
        untrained = evaluate_gait_energy(self.walks, str(self.protocol), max_rank=1, progress=False)
        baseline = dict(zip(untrained.groups, untrained.mean().round(2).tolist(), strict=True))
        means = ", ".join(f"{group} {value:.1f}" for group, value in baseline.items())
        console.print(f"Without any training, the nearest gait energy image finds: {means}", markup=False)
        return {
            "rank_1": {group: round(values["mean"], 2) for group, values in groups.items()},
            "rank_1_of_gait_energy_images": baseline,
        }

    def picture(self):
        """Pictures"""
        from tf3dlocal.data import cut_sides
        from tf3dlocal.models import part_geometry
        from tf3dlocal.visualization import contact_sheet, draw_part_boxes, plot_training

        walks = [self.walk("017", condition, view) for condition in ("nm-01", "bg-01", "cl-01") for view in (0, 54, 90)]
        sheet, parts, trace = (self.pictures / f"{name}.png" for name in ("walks", "located_parts", "training"))
        contact_sheet([walk.silhouettes for walk in walks], sheet, titles=[walk.name for walk in walks])
        walk = self.walk("017", "nm-01", 90)
        seen = cut_sides(walk.silhouettes)
        draw_part_boxes(seen, **part_geometry(self.model, seen), path=parts, title=walk.name)
        plot_training(self.trained / "log.jsonl", trace)
        for path, what in ((sheet, "aligned walks"), (parts, "where it looks"), (trace, "loss and rank-1")):
            console.print(f"{path}: {what}", markup=False)

    def export(self):
        """Export a SavedModel"""
        from tf3dlocal.open_model import config_of_run
        from tf3dlocal.serving import ExportedModel, export

        command = f"tf3dlocal export {self.trained} {self.saved}"
        self.say(command)
        target = self.saved / "1"
        if not target.exists():
            export(self.model, self.saved, config=config_of_run(self.trained), made_by=command)
        self.exported = ExportedModel(target)
        walk = self.walk("017", "nm-01", 90).silhouettes
        margin = (walk.shape[2] - self.exported.width) // 2
        walk = walk[None, :, :, margin : margin + self.exported.width]
        by_keras = self.model(walk[..., None].astype("float32") / 255, training=False)["embedding"]
        difference = float(np.abs(self.exported.embed(walk) - np.asarray(by_keras)).max())
        console.print(
            f"{target}: loaded again, its embedding differs from the model's by {difference:.1e}", markup=False
        )
        return {"saved_model": str(target), "export_difference": difference}

    def identify(self):
        """Who is it?"""
        from tf3dlocal.serving import WalkEmbeddings

        tested = [f"{number:03d}" for number in range(17, SUBJECTS + 1)]
        known = [(f"subject {subject}", self.raw / subject / "nm-01" / "090") for subject in tested]
        unknown = self.raw / tested[self.seed % len(tested)] / "bg-01" / "072"
        gallery = WalkEmbeddings.of_folders(self.exported, known)
        gallery.write(self.folder / "gallery.npz")
        self.say(f"tf3dlocal embed {self.saved} {unknown} --gallery {self.folder / 'gallery.npz'}")
        probe = WalkEmbeddings.of_folders(self.exported, [("unknown", unknown)])
        (hits,) = probe.nearest(gallery, 3)
        truth = f"subject {unknown.parts[-3]}"
        console.print(
            f"A walk of {truth}, with a bag, seen from 72 degrees; the gallery holds {len(known)} people without a bag, "
            "seen from 90 degrees.",
            markup=False,
        )
        for place, (name, distance) in enumerate(hits, start=1):
            mark = "  <- right" if name == truth else ""
            console.print(f"  {place}. {name}  (distance {distance:.3f}){mark}", markup=False)
        return {"identified": hits[0][0], "truth": truth}

    def walk(self, subject, condition, view):
        return self.walks.select(subjects=[subject], conditions=[condition], views=[view]).read(0)

    def say(self, command):
        console.print(f"$ {command}", style="bold", markup=False)
