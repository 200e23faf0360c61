"""Measure how well models recognize the same people in other clothes and places, in all directions.

    python benchmarks/between_conditions.py MODEL [MODEL ...] --data PREPARED [--trained-on PREPARED] [--json FILE]

The conditions of the data set, without the numbers after the hyphen, are compared pairwise: each in turn is the gallery
and each other one the probes. A protocol with one gallery uses a third of these comparisons, and a small data set has
none to spare. Printed are the mean of the rank-1 over all directions, and the area under the ROC curve of the pairs of
walks of different conditions: how often a pair of one person is nearer than a pair of two (50 is chance). With
--trained-on, "shift" says how far the mean feature of the data lies from that of 400 walks of the training, as a share
of the mean distance of the data's features from their own mean. Models are exported models, run folders or .keras
files; "gei" is the gait energy image.
"""

import argparse
import itertools
import pathlib

import numpy as np
from measuring.scripts import add_outputs, console, keep_text


def embeddings_of(model, walks):
    """Return float32 [walks, parts, channels]."""
    from tf3dlocal import load_model
    from tf3dlocal.evaluation import embed_walks, gait_energy_image

    if model == "gei":
        read = (walks.read(number).silhouettes for number in range(len(walks)))
        return np.stack([gait_energy_image(silhouettes).reshape(1, -1) for silhouettes in read])
    return embed_walks(load_model(model), walks=walks)


def shift(embeddings, training):
    """Return the distance of two mean embeddings, as a share of the spread of the first."""
    mean = embeddings.mean(axis=0)  # parts channels
    spread = np.linalg.norm(embeddings - mean, axis=2).mean()
    return float(np.linalg.norm(mean - training.mean(axis=0), axis=1).mean() / spread)


def area_under_roc(same, other):
    """Return in % how often a distance of `same` is smaller than one of `other`; equal ones count half."""
    other = np.sort(other)
    larger = len(other) - np.searchsorted(other, same, side="right")
    smaller = np.searchsorted(other, same, side="left")
    return 50 * (1 + (larger.mean() - smaller.mean()) / len(other))


def measure(embeddings, *, subjects, conditions):
    """Return rank-1 in % of each direction, as "gallery <- probes", and the two summaries."""
    from tf3dlocal.evaluation import pairwise_distances

    distances = pairwise_distances(embeddings, embeddings)
    kinds = np.array([name.split("-")[0] for name in conditions])
    results = {}
    for gallery, probe in itertools.permutations(sorted(set(kinds)), 2):
        known = np.flatnonzero(kinds == gallery)
        asked = np.flatnonzero((kinds == probe) & np.isin(subjects, subjects[known]))
        if not len(asked):
            continue
        nearest = known[distances[np.ix_(asked, known)].argmin(axis=1)]
        results[f"{gallery} <- {probe}"] = 100 * float((subjects[nearest] == subjects[asked]).mean())
    if not results:
        raise ValueError(f"no person walks in two conditions; the conditions are {', '.join(sorted(set(conditions)))}.")
    results["rank-1"] = float(np.mean(list(results.values())))
    different = kinds[:, None] != kinds
    same = subjects[:, None] == subjects
    results["area"] = float(area_under_roc(distances[different & same], distances[different & ~same]))
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--data", required=True, help="prepared data set of people who are not in the training")
    parser.add_argument("--trained-on", metavar="PREPARED", help="prepared data set of the training")
    add_outputs(parser)
    options = parser.parse_args()
    try:
        run(options)
    except (OSError, ValueError) as error:
        parser.error(str(error))


def run(options):
    """Measure every model, and print and keep the table."""
    from tf3dlocal.data import open_walks

    walks = open_walks(options.data)
    labels = {"subjects": np.asarray(walks.subjects), "conditions": walks.conditions}
    if options.trained_on:
        training = open_walks(options.trained_on)
        training = training.take(np.linspace(0, len(training) - 1, min(400, len(training))).astype(int))
    results, lines = {}, []
    for model in options.models:
        embeddings = embeddings_of(model, walks)
        results[model] = found = measure(embeddings, **labels)
        if options.trained_on:
            found["shift"] = shift(embeddings, embeddings_of(model, training))
        lines = lines or [f"| model | {' | '.join(found)} |", f"|---|{'---:|' * len(found)}"]
        numbers = " | ".join(f"{value:.1f}" for value in found.values())
        lines.append(f"| {pathlib.Path(model).name} | {numbers} |")
    text = f"# {__doc__.splitlines()[0]}\n\n" + "\n".join(lines) + "\n"
    console.print(text, markup=False)
    keep_text(
        "between_conditions",
        text=text,
        content={"benchmark": "between_conditions", "results": results},
        options=options,
    )


if __name__ == "__main__":
    main()
