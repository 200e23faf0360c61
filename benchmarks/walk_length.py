"""Measure how rank-1 depends on the length and the frame rate of a probe, and which rule for walks holds best.

    python benchmarks/walk_length.py MODEL [MODEL ...] --data PREPARED [--protocol NAME] [--views 90] [--json FILE]

Each probe is cut: whole, every second frame, the first 12 frames, and so on. The gallery has whole walks of the same
view. Walks of both sides become embeddings by one rule: the whole walk at once, or the mean over windows of one length.
Half of the people choose the rule (`chosen`), the other half is what is reported (`reported`); people alternate in the
order of their names. Two numbers are printed for each cut: rank-1, and how often the answer is that of the whole walk
under the same rule (agreement). Models are exported models, run folders or .keras files. A thinned probe has a lower
frame rate; "at the gallery's rate" repeats its frames until it has the rate of the gallery.
"""

import argparse
import pathlib
import time

import numpy as np
from measuring.scripts import add_outputs, console, keep_text

from tf3dlocal.serving.gallery import WindowRule, at_frame_rate

RULES = {"whole walk": None, "12/4": WindowRule(length=12, step=4), "30/10": WindowRule(length=30, step=10)}
AT_ONCE = 16


def cuts(num_frames):
    """Return the frames of each cut of a probe."""
    every = {step: np.arange(0, num_frames, step) for step in (2, 3)}
    half = every[2]
    return {
        "whole": np.arange(num_frames),
        "middle 16 frames": np.arange(16) + (num_frames - 16) // 2,
        "first 12 frames (about half a cycle)": np.arange(12),
        "every second frame": every[2],
        "every second frame, at the gallery's rate": half[at_frame_rate(len(half), frame_rate=1, wanted=2)],
        "every third frame": every[3],
    }


def windows(rule, rows):
    """Return the windows of a walk's chosen frames as tuples of frames."""
    if rule is None:
        return [tuple(rows.tolist())]
    return [tuple(rows[window].tolist()) for window in rule.windows(len(rows))]


def embed_all(embed, walks, *, all_cuts):
    """Embed walks by every rule: {(rule, cut): float32 [walks, parts, channels]}. Equal windows are embedded once."""
    found = {}
    for number in range(len(walks)):
        frames = walks.read(number)
        wanted = {
            (name, cut): windows(rule, rows)
            for cut, rows in cuts(len(frames)).items()
            if all_cuts or cut == "whole"
            for name, rule in RULES.items()
        }
        known = {}
        each = sorted({window for some in wanted.values() for window in some}, key=lambda rows: (len(rows), rows))
        for length in sorted({len(window) for window in each}):
            same = [window for window in each if len(window) == length]
            for start in range(0, len(same), AT_ONCE):
                some = same[start : start + AT_ONCE]
                known.update(zip(some, embed(np.stack([frames[list(rows)] for rows in some])), strict=True))
        for key, some in wanted.items():
            found.setdefault(key, []).append(np.mean([known[window] for window in some], axis=0))
        if number % 50 == 49:
            console.print(f"{number + 1} of {len(walks)} walks")
    return {key: np.stack(values) for key, values in found.items()}


class Walks:
    """Rows of a prepared data set as arrays of the model's width."""

    def __init__(self, walks, width):
        self.walks, self.width = walks, width

    def __len__(self):
        return len(self.walks)

    def read(self, number):
        silhouettes = self.walks.read(number).silhouettes
        margin = (silhouettes.shape[2] - self.width) // 2
        return silhouettes[:, :, margin : margin + self.width]


def embedder_of(path):
    """Return (function from uint8 walks to embeddings, width of its silhouettes, distance)."""
    from tf3dlocal import load_model
    from tf3dlocal.evaluation import in_precision

    model = load_model(path)
    if hasattr(model, "embed"):
        return model.embed, model.width, model.distance
    import tensorflow as tf

    model = in_precision(model, precision="float32")
    size = model.input_shape[2:4]
    function = tf.function(
        lambda x: model(tf.cast(x, tf.float32)[..., None] / 255, training=False)["embedding"],
        input_signature=[tf.TensorSpec([None, None, *size], tf.uint8)],
    )
    return lambda x: function(x).numpy(), size[1], "part_mean"


def rank_1(probes, gallery, *, probe_walks, gallery_walks, distance):
    """Return for each probe whether the nearest walk of its view is of its person, and whose it is."""
    from tf3dlocal.evaluation import pairwise_distances

    distances = pairwise_distances(probes, gallery, distance=distance)
    distances[probe_walks.view_degrees[:, None] != gallery_walks.view_degrees] = np.inf
    named = gallery_walks.subjects[distances.argmin(axis=1)]
    return named == probe_walks.subjects, named


def measure(path, *, gallery, probes):
    """Return rows (half, rule, cut, rank-1, agreement) of one model."""
    embed, width, distance = embedder_of(path)
    known = embed_all(embed, Walks(gallery, width), all_cuts=False)
    found = embed_all(embed, Walks(probes, width), all_cuts=True)
    halves = {"chosen": sorted(set(probes.subjects))[::2], "reported": sorted(set(probes.subjects))[1::2]}
    rows = []
    for half, people in halves.items():
        theirs, ours = (np.flatnonzero(np.isin(walks.subjects, people)) for walks in (gallery, probes))
        settings = {
            "probe_walks": probes.take(ours),
            "gallery_walks": gallery.take(theirs),
            "distance": distance,
        }
        for rule in RULES:
            _, whole = rank_1(found[rule, "whole"][ours], known[rule, "whole"][theirs], **settings)
            for cut in cuts(30):
                right, named = rank_1(found[rule, cut][ours], known[rule, "whole"][theirs], **settings)
                share = {"rank_1": 100 * right.mean(), "agreement": 100 * (named == whole).mean()}
                rows.append({"people": half, "rule": rule, "cut": cut, "probes": len(ours), **share})
    return rows


def as_table(rows, *, people):
    """Return a Markdown table: one row per cut, rank-1 (agreement) under each rule."""
    lines = [f"| probe | {' | '.join(RULES)} |", f"|---|{'---:|' * len(RULES)}"]
    for cut in cuts(30):
        cells = [
            f"{row['rank_1']:.1f} ({row['agreement']:.0f})"
            for rule in RULES
            for row in rows
            if (row["people"], row["rule"], row["cut"]) == (people, rule, cut)
        ]
        lines.append(f"| {cut} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--data", required=True, help="prepared data set of people who are not in the training")
    parser.add_argument("--first-person", type=int, default=1, metavar="N", help="leave out the people before the Nth")
    parser.add_argument("--people", type=int, metavar="N", help="only the first N of these people")
    parser.add_argument("--views", default="90", help="camera angles, separated by commas")
    parser.add_argument("--gallery", default="nm-01,nm-02", help="conditions of the gallery")
    parser.add_argument("--probes", default="nm-05,cl-01", help="conditions of the probes")
    parser.add_argument("--quick", action="store_true", help="four people: shows that everything runs")
    add_outputs(parser)
    options = parser.parse_args()
    from tf3dlocal.data import open_walks

    walks = open_walks(options.data)
    people = walks.subject_names[options.first_person - 1 :][: 4 if options.quick else options.people]
    views = [int(view) for view in options.views.split(",")]
    gallery, probes = (
        walks.select(subjects=people, conditions=names.split(","), views=views)
        for names in (options.gallery, options.probes)
    )
    results, text = {}, f"# {__doc__.splitlines()[0]}\n"
    for path in options.models:
        start = time.monotonic()
        results[path] = measure(path, gallery=gallery, probes=probes)
        for half in ("chosen", "reported"):
            num = next(row["probes"] for row in results[path] if row["people"] == half)
            text += f"\n## {pathlib.Path(path).name}, {half} ({num} probes)\n\n{as_table(results[path], people=half)}\n"
        console.print(f"{path}: {time.monotonic() - start:.0f} s")
        console.print(text[text.rindex("\n## ", 0, text.rindex("\n## ")) :], markup=False)
        content = {"benchmark": "walk_length", "quick": options.quick, "results": results}
        keep_text("walk_length", text=text, content=content, options=options)


if __name__ == "__main__":
    main()
