"""Measure an evaluation: embedding whole walks, and the ranks of a protocol; compared with the plain way.

    python benchmarks/evaluation.py [TABLE ...] [--quick] [--rounds N] [--json FILE] [--out [DIR]]

Ranks: random embeddings of 16 x 256 numbers for the test walks of CASIA-B (10,962) and of OU-MVLP. The plain way
makes the whole distance matrix of a pair of views with numpy and sorts it. OU-MVLP at its real size (133,780 test
walks in a file of 2.2 GB, ten minutes and more) is measured only if it is named: ou-mvlp-full. Whole walks: lengths
like CASIA-B's, drawn between 50 and 130 frames, narrow models; the plain way calls the model walk by walk. All of
them compute with oneDNN, as the command line does. `embed_walks` keeps freed memory, as `tf3dlocal evaluate` does;
the plain way does not.
"""

import pathlib
import tempfile

import numpy as np
from measuring import Alternative, side_by_side
from measuring.scripts import chosen, keep, options_of, show

NARROW = {
    "gaitset": {"channels": (12, 24, 48), "embedding_channels": 64},
    "gaitpart": {"channels": (12, 24, 48), "embedding_channels": 64},
    "three_d_local": {
        "channels": (12, 24, 48),
        "local_blocks": (3,),
        "embedding_channels": 64,
        "compact_channels": 0,
    },
    "gln": {"channels": (12, 24, 48), "lateral_channels": 96, "embedding_channels": 64},
    "mt3d": {"channels": (12, 24, 48), "embedding_channels": 64},
}
OU_MVLP_VIEWS = (0, 15, 30, 45, 60, 75, 90, 180, 195, 210, 225, 240, 255, 270)
CASIA_B_CONDITIONS = (*(f"nm-0{n}" for n in range(1, 7)), "bg-01", "bg-02", "cl-01", "cl-02")


def walks_under_test(protocol, *, share=1.0):
    """Return (subjects, conditions, views) of a data set's test walks: a share of the subjects, a few walks missing."""
    if protocol == "ou-mvlp":
        names = [f"{number:05d}" for number in (*range(2, 10307, 2), 10307)]  # who is tested
        conditions, views, missing = ("00", "01"), OU_MVLP_VIEWS, 1 - 133_780 / (5154 * 28)
    else:
        names, conditions, views = [f"{number:03d}" for number in range(25, 125)], CASIA_B_CONDITIONS, range(0, 181, 18)
        missing = 1 - 10_962 / 11_000
    names = names[: max(4, round(share * len(names)))]
    rows = [(name, condition, view) for name in names for condition in conditions for view in views]
    kept = np.sort(np.random.default_rng(0).permutation(len(rows))[round(missing * len(rows)) :])
    return tuple(np.array(column) for column in zip(*(rows[i] for i in kept), strict=True))


def write_embeddings(path, subjects):
    """Write a file of float32 [walks, 16, 256] in which the walks of a person are near each other."""
    out = np.lib.format.open_memmap(path, "w+", np.float32, (len(subjects), 16, 256))
    for i, subject in enumerate(subjects):
        person, walk = np.random.default_rng(int(subject)), np.random.default_rng([1, i])
        out[i] = 0.35 * person.standard_normal((16, 256)) + walk.standard_normal((16, 256))
    out.flush()


def ranks(path, *, protocol, share, distance, plain=False, mapped=False):
    """Return a callable that computes the rank-1 means of a protocol."""
    from tf3dlocal.evaluation import cross_view, load_protocol

    subjects, conditions, views = walks_under_test(protocol, share=share)
    embeddings = np.load(path, mmap_mode="r" if mapped else None)
    protocol = load_protocol(protocol)
    if protocol.name == "ou-mvlp" and share < 1:
        protocol = protocol.model_copy(update={"train": "none", "test": "all"})

    walks = {"subjects": subjects, "conditions": conditions, "view_degrees": views}

    def call():
        if plain:
            return plain_ranks(embeddings, **walks, protocol=protocol, distance=distance)
        found = cross_view(embeddings, **walks, protocol=protocol, distance=distance, progress=mapped)
        return found.mean().tolist()

    call.facts = {"walks": len(subjects)}
    return call


def plain_ranks(embeddings, *, subjects, conditions, view_degrees, protocol, distance):
    """Compute rank-1 means as one writes them down: a whole matrix and a sort for every pair of views."""
    from tf3dlocal.evaluation import match_conditions

    if distance == "flattened":
        embeddings = embeddings.reshape(len(embeddings), 1, -1)
    is_gallery, means = match_conditions(conditions, patterns=protocol.gallery), []
    for names in protocol.probes.values():
        is_probe, rates = match_conditions(conditions, patterns=names), []
        for probe_view in protocol.views:
            for gallery_view in protocol.views:
                if probe_view == gallery_view:
                    continue
                probes, gallery = is_probe & (view_degrees == probe_view), is_gallery & (view_degrees == gallery_view)
                total = 0
                for part in range(embeddings.shape[1]):
                    a, b = embeddings[probes, part], embeddings[gallery, part]
                    squared = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
                    total = total + np.sqrt(np.maximum(squared, 0))
                nearest = subjects[gallery][np.argsort(total, axis=1)[:, 0]]
                rates.append((nearest == subjects[probes]).mean())
        means.append(100 * float(np.mean(rates)))
    return means


class Walks:
    """Random walks in memory, of blocks of 8 x 8 pixels."""

    def __init__(self, num_frames):
        self.num_frames = np.asarray(num_frames)

    def read(self, i):
        """Draw walk `i`."""
        bits = np.random.default_rng(i).integers(0, 2, (self.num_frames[i], 8, 8), np.uint8)
        self.silhouettes = 255 * bits.repeat(8, 1).repeat(8, 2)
        return self


def whole_walks(model, *, num_frames, way, batch_size=8):
    """Return a callable that embeds walks of these lengths: "call", "predict" (walk by walk) or "embed_walks"."""
    from tf3dlocal.evaluation import embed_walks
    from tf3dlocal.io import keep_freed_memory
    from tf3dlocal.models import MODELS

    if way == "embed_walks":
        keep_freed_memory()
    model, walks = MODELS[model](**NARROW[model], seed=0), Walks(num_frames)

    def alone(i):
        picture = walks.read(i).silhouettes[None, ..., 10:54, None] / np.float32(255)
        found = model.predict(picture, verbose=0) if way == "predict" else model(picture, training=False)
        return np.asarray(found["embedding"])[0]

    def call():
        if way == "embed_walks":
            return embed_walks(model, walks=walks, batch_size=batch_size, progress=False)
        return np.stack([alone(i) for i in range(len(num_frames))])

    call.facts = {"walks": len(num_frames), "total_frames": int(np.sum(num_frames))}
    return call


def lengths(count, *, seed=0):
    """Draw numbers of frames like those of CASIA-B's walks."""
    return np.random.default_rng(seed).normal(85, 18, count).clip(50, 130).astype(int).tolist()


def rank_table(folder, *, protocol, share, full=False):
    path = folder / f"{protocol}-{share}.npy"
    write_embeddings(path, walks_under_test(protocol, share=share)[0])
    common = {"path": str(path), "protocol": protocol, "share": share}
    for distance in ("part_mean", "flattened"):
        if not full:
            yield here(f"plain, {distance}", "ranks", **common, distance=distance, plain=True)
        yield here(f"tf3dlocal, {distance}", "ranks", **common, distance=distance, mapped=full)


def growth_table(folder, quick):
    for share in (0.05, 0.1) if quick else (0.25, 0.5, 1.0):
        (alternative,) = [
            row for row in rank_table(folder, protocol="casia-b-st", share=share) if row.name == "tf3dlocal, part_mean"
        ]
        yield here(f"ranks, {share:.0%} of the subjects", "ranks", **alternative.arguments)
    for frames in (16, 32) if quick else (32, 64, 128):
        arguments = {"model": "gaitset", "num_frames": [frames] * 4, "way": "embed_walks"}
        yield here(f"embedding 4 walks of {frames} frames", "whole_walks", **arguments)


def embedding_table(model, quick):
    arguments = {"model": model, "num_frames": [12, 9, 12] if quick else lengths(12)}
    yield here("one by one, model(walk)", "whole_walks", **arguments, way="call")
    yield here("one by one, model.predict(walk)", "whole_walks", **arguments, way="predict")
    yield here("embed_walks, batch 1", "whole_walks", **arguments, way="embed_walks", batch_size=1)
    yield here("embed_walks, batch 8", "whole_walks", **arguments, way="embed_walks")


def here(label, function, **arguments):
    return Alternative(label, function=f"{pathlib.Path(__file__).resolve()}:{function}", arguments=arguments)


def tables(folder, quick):
    """Return {name: (title, generator of alternatives, which makes their input when it is used)}."""
    share = 0.05 if quick else 1.0
    found = {"casia-b": ("ranks, casia-b-st", rank_table(folder, protocol="casia-b-st", share=share))}
    found["ou-mvlp"] = (
        "ranks, a twentieth of ou-mvlp",
        rank_table(folder, protocol="ou-mvlp", share=0.005 if quick else 0.05),
    )
    found["ou-mvlp-full"] = ("ranks, ou-mvlp", rank_table(folder, protocol="ou-mvlp", share=1.0, full=True))
    found["growth"] = ("growth (ranks grow with walks x walks, embedding with frames)", growth_table(folder, quick))
    for model in NARROW:
        found[f"embedding-{model}"] = (f"{model}, narrow: whole walks", embedding_table(model, quick))
    return found


def main():
    with tempfile.TemporaryDirectory() as folder:
        names = list(tables(pathlib.Path(folder), True))
        parser = options_of(__doc__, choices=names)
        options = parser.parse_args()
        found = tables(pathlib.Path(folder), options.quick)
        wanted = chosen(parser, options=options, tables=found)
        if not options.tables:
            wanted = [name for name in wanted if name != "ou-mvlp-full"]
        results = []
        for name in wanted:
            title, alternatives = found[name]
            rounds, warm_ups = (1, 0) if name == "ou-mvlp-full" else (options.rounds or (1 if options.quick else 5), 1)
            results.append(
                side_by_side(
                    alternatives,
                    title=title,
                    rounds=rounds,
                    warm_ups=warm_ups,
                    threads=options.threads,
                    timeout=7200,
                    limit_seconds=20 if options.quick else 600,
                )
            )
            show(results[-1])
        keep("evaluation", description=__doc__, results=results, options=options)


if __name__ == "__main__":
    main()
