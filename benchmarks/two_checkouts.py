"""Compare the speed of two checkouts of this project: training step and inference of 3DLocal, in turn.

    python benchmarks/two_checkouts.py OLD NEW [TABLE ...] [--walks N] [--frames N] [--quick] [--rounds N]
                                               [--threads N] [--json FILE] [--out [DIR]]

OLD and NEW are folders that hold `tf3dlocal/`; `git worktree add OLD COMMIT` makes one of an earlier commit. Each
checkout is imported from its folder in its own process. Both take turns in the same rounds, so a disturbance slows
both, and the ratio NEW / OLD of a round is reliable where the seconds are not. Both compute the same: the release and
the paper preset with seed 0 in float32, without XLA, on the same batch. A training step is Keras' train function with
the batch-all triplet loss, the cross-entropy if the model has a classifier, and Adam. The script uses only names that
exist in version 0.1 and in later ones; a training by a config does more (see `run_experiment`).

Example:
  python benchmarks/two_checkouts.py ../tf3dlocal-0.1 . --rounds 7
"""

import pathlib
import sys

NUM_CLASSES = {"release": None, "paper": 74}  # the release has no classifier


def training_step(checkout, preset, walks, frames):
    """Return a callable that makes one training step of a checkout's model on a batch in memory."""
    model, silhouettes, labels = _prepared(checkout, preset=preset, walks=walks, frames=frames)
    import keras
    import numpy as np
    import tensorflow as tf

    from tf3dlocal.losses import BatchAllTripletLoss, ScaledCrossEntropy

    losses = {"part_features": BatchAllTripletLoss(margin=0.2)}
    if "logits" in model.output:
        losses["logits"] = ScaledCrossEntropy()
    model.compile(keras.optimizers.Adam(1e-4), loss=losses, jit_compile=False)
    batches = tf.data.Dataset.from_tensors((silhouettes, dict.fromkeys(model.output, labels))).repeat()
    iterator = iter(batches)

    def call():
        if model.train_function is None:
            model.fit(batches, epochs=1, steps_per_epoch=1, verbose=0, shuffle=False)
        else:
            keras.tree.map_structure(np.asarray, model.train_function(iterator))

    call.facts = _facts(model, checkout=checkout, walks=walks, frames=frames)
    return call


def inference(checkout, preset, walks, frames):
    """Return a callable that embeds one batch with a checkout's model."""
    model, silhouettes, _ = _prepared(checkout, preset=preset, walks=walks, frames=frames)
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([None, None, *silhouettes.shape[2:]], tf.float32)])
    def embed(silhouettes):
        return model(silhouettes, training=False)["embedding"]

    def call():
        return embed(silhouettes).numpy()

    call.facts = _facts(model, checkout=checkout, walks=walks, frames=frames)
    return call


def _prepared(checkout, *, preset, walks, frames):
    """Import a checkout and return its model and a batch: two legs that swing, 64 x 44, two walks of each subject."""
    import tf3dlocal  # before TensorFlow, so that oneDNN is chosen

    if pathlib.Path(tf3dlocal.__file__).resolve().parents[1] != pathlib.Path(checkout).resolve():
        raise ImportError(f"tf3dlocal was imported from {tf3dlocal.__file__!r}, not from {checkout!r}.")
    import numpy as np
    import tensorflow as tf

    try:
        from tf3dlocal.io import keep_freed_memory
    except ImportError:  # version 0.1
        from tf3dlocal.freed_memory import keep_freed_memory
    from tf3dlocal.models import ThreeDLocal

    keep_freed_memory()
    tf.config.optimizer.set_experimental_options({"arithmetic_optimization": False})  # as in a training
    t, y, x = np.mgrid[:frames, :64, :44].astype("float32")
    pace = np.linspace(0.15, 0.3, walks, dtype="float32")[:, None, None, None]
    swing = 22 + np.sin(pace * t) * 0.3 * np.maximum(y - 32, 0)
    silhouettes = (np.minimum(abs(x - swing), abs(x - 44 + swing)) < 6).astype("float32")[..., None]
    labels = np.arange(walks, dtype="int32") // 2
    model = ThreeDLocal(preset=preset, num_classes=NUM_CLASSES[preset], seed=0)
    return model, tf.constant(silhouettes), tf.constant(labels)


def _facts(model, *, checkout, walks, frames):
    return {"checkout": checkout, "walks": walks, "frames": frames, "parameters": model.count_params()}


def alternatives(checkouts, *, step, preset, batch):
    """Yield the step of each checkout, {label: folder}."""
    from measuring import Alternative

    for label, folder in checkouts.items():
        yield Alternative(
            label,
            function=f"{pathlib.Path(__file__).resolve()}:{step}",
            arguments={"checkout": str(folder), "preset": preset, **batch},
            environment={"PYTHONPATH": str(folder)},
        )


def main():
    from measuring import side_by_side
    from measuring.scripts import chosen, console, keep, options_of, show

    tables = {f"{preset}-{step}": (preset, step) for preset in NUM_CLASSES for step in ("training_step", "inference")}
    parser = options_of(__doc__, quick="2 walks of 4 frames, 3 rounds")
    parser.add_argument("old", metavar="OLD", type=pathlib.Path, help="folder of the checkout that ratios are to")
    parser.add_argument("new", metavar="NEW", type=pathlib.Path, help="folder of the checkout that is compared with it")
    parser.add_argument("tables", metavar="TABLE", nargs="*", help=f"only these tables: {', '.join(tables)}")
    parser.add_argument("--walks", type=int, help="walks of a batch (default: 8)")
    parser.add_argument("--frames", type=int, help="frames of a walk (default: 30)")
    options = parser.parse_args()
    for folder in (options.old, options.new):
        if not (folder / "tf3dlocal" / "__init__.py").is_file():
            parser.error(f"The folder {str(folder)!r} holds no tf3dlocal/. Give the root of a checkout.")
    batch = {
        "walks": options.walks or (2 if options.quick else 8),
        "frames": options.frames or (4 if options.quick else 30),
    }
    checkouts, results = {"old": options.old.resolve(), "new": options.new.resolve()}, []
    for name in chosen(parser, options=options, tables=tables):
        preset, step = tables[name]
        results.append(
            side_by_side(
                alternatives(checkouts, step=step, preset=preset, batch=batch),
                title=f"{preset}: {step.replace('_', ' ')}",
                rounds=options.rounds or (3 if options.quick else 7),
                threads=options.threads,
                conditions={**batch, "precision": "float32", "old": options.old, "new": options.new, "seed": 0},
            )
        )
        show(results[-1])
        if (rows := results[-1].rows) and len(rows) == 2:
            ratios = " ".join(f"{new / old:.3f}" for old, new in zip(*(row.seconds for row in rows)))
            console.print(f"new / old in each round: {ratios}\n", markup=False)
    keep("two_checkouts", description=__doc__, results=results, options=options)
    if absent := [entry for result in results for entry in result.absent]:
        sys.exit(f"error: {len(absent)} alternatives gave no numbers. The reasons are listed under the titles.")


if __name__ == "__main__":
    main()
