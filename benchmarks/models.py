"""Measure the training step and the inference of a whole model, compared with the same model in plain PyTorch.

    python benchmarks/models.py [TABLE ...] [--all] [--no-xla] [--quick] [--rounds N] [--threads N] [--json FILE]
                                [--out [DIR]]

A table has the PyTorch twin (benchmarks/torch_twins) and tf3dlocal without XLA (for walks of any length) and with it
(for one length). A training step is forward, losses, backward and optimizer, on a batch in memory, without what a
config does to save memory. Everything is float32 and on the CPU, even if there is a GPU, because the twins use none.
The processes of a table are in memory together: about 13 GB for a training step of 8 walks, more for `paper`. Use
--walks 2 on a smaller machine.

tf3dlocal keeps the memory that a step frees, in large pages (`tf3dlocal.io.keep_freed_memory`). PyTorch as installed
gives it back, which costs time with the large maps of a training step. Therefore one row is PyTorch with the
environment variables that make glibc do the same; ratios are to PyTorch as installed. The twins of 3DLocal normalize,
rectify and pool the map of a localization network once per part, as the authors' code does; tf3dlocal does it once
for all parts (`NormalizedMaxPooling`), and its times include this advantage. GFLOP/s are computed from the same count
for all rows.
"""

import functools

from measuring import Alternative, add_operations, facts_of, matmul_peak, side_by_side
from measuring.scripts import CONFIGS, TWINS, chosen, keep, options_of, show, stay_on_the_cpu

# system: (config, file and arguments of its twin)
SYSTEMS = {
    "release": ("three_d_local_release_casia_b_st.yaml", "three_d_local.py", {"preset": "release"}),
    "paper": ("three_d_local_casia_b_st.yaml", "three_d_local.py", {"preset": "paper"}),
    "gaitset": ("gaitset_casia_b_st.yaml", "gaitset.py", {}),
    "gaitpart": ("gaitpart_casia_b_st.yaml", "gaitpart.py", {}),
    "gln": ("gln_casia_b_st.yaml", "gln.py", {}),
    "mt3d": ("mt3d_casia_b_st.yaml", "mt3d.py", {}),
}
TWIN = "PyTorch"
# Thresholds that no map reaches (1 TB), and large pages (from glibc 2.35 on; older versions ignore it).
FREED_MEMORY_KEPT = {
    "MALLOC_MMAP_THRESHOLD_": str(2**40),
    "MALLOC_TRIM_THRESHOLD_": str(2**40),
    "MALLOC_TOP_PAD_": str(2**26),
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
# The configs save memory where a GPU needs it; the twins do not.
PLAIN = ["training.precision=float32", "training.recompute=false", "training.accumulation_steps=1"]
DEFAULT = ["release-training", "release-inference", "one-walk"]


def training(system, *, walks, frames, xla):
    """Yield the alternatives of one training step."""
    yield twin(system, step="training_step", walks=walks, frames=frames)
    kept = {"name": f"{TWIN}, freed memory kept", "environment": FREED_MEMORY_KEPT}
    yield twin(system, step="training_step", walks=walks, frames=frames, **kept)
    yield from own(system, step="training_step", walks=walks, frames=frames, xla=xla)


def inference(system, *, walks, frames, xla):
    """Yield the alternatives of embedding one batch."""
    yield twin(system, step="inference", walks=walks, frames=frames)
    yield from own(system, step="inference_step", walks=walks, frames=frames, xla=xla)


def twin(system, *, step, walks, frames, name=TWIN, environment=None):
    _, file, arguments = SYSTEMS[system]
    arguments = {"walks": walks, "frames": frames, **arguments}
    return Alternative(name, function=f"{TWINS / file}:{step}", arguments=arguments, environment=environment or {})


def own(system, *, step, walks, frames, xla):
    shared = {"config": config_of(system), "settings": PLAIN, "walks": walks, "frames": frames}
    for compiled in (False, True) if xla else (False,):
        name, arguments = "tf3dlocal, XLA" if compiled else "tf3dlocal", shared | {"compiled": compiled}
        yield Alternative(name, function=f"measuring.steps:{step}", arguments=arguments)


def config_of(system):
    return str(CONFIGS / SYSTEMS[system][0])


@functools.cache
def gflop_per_walk(system, frames):
    arguments = {"config": config_of(system), "frames": frames}
    return facts_of(Alternative("cost", function="measuring.steps:forward_cost", arguments=arguments))["gflop_per_walk"]


STEPS = {"train": training, "inference": inference}


def tables(walks, frames):
    """Return {name of a table: (title, one of STEPS, system, walks, frames)}."""
    found = {}
    for system in SYSTEMS:
        found[f"{system}-training"] = (f"{system}: one training step", "train", system, walks, frames)
        found[f"{system}-inference"] = (f"{system}: inference", "inference", system, walks, frames)
    found["one-walk"] = ("release: inference of one walk", "inference", "release", 1, frames)
    return found


def main():
    parser = options_of(__doc__, choices=list(tables(8, 30)))
    parser.add_argument("--all", action="store_true", help=f"all tables, not only {', '.join(DEFAULT)}")
    parser.add_argument("--no-xla", action="store_true", help="leave out XLA, which may compile for ten minutes")
    parser.add_argument("--walks", type=int, help="walks of a batch (default: 8)")
    parser.add_argument("--frames", type=int, help="frames of a walk (default: 30)")
    options = parser.parse_args()
    walks, frames = options.walks or (4 if options.quick else 8), options.frames or (8 if options.quick else 30)
    rounds, limit = (
        options.rounds or (3 if options.quick else 7),
        None if options.rounds else 5 if options.quick else 60,
    )
    all_tables = tables(walks, frames)
    if not options.tables and not options.all:
        options.tables = DEFAULT[: 2 if options.quick else None]
    names, device = chosen(parser, options=options, tables=all_tables), stay_on_the_cpu()
    peak, results = matmul_peak(threads=options.threads), []
    for name in names:
        title, step, system, walks, frames = all_tables[name]
        result = side_by_side(
            STEPS[step](system, walks=walks, frames=frames, xla=not options.no_xla),
            title=title,
            rounds=rounds,
            threads=options.threads,
            limit_seconds=limit,
            conditions={"walks": walks, "frames": frames, "silhouettes": "64 x 44", "precision": "float32", **device},
        )
        gflop = gflop_per_walk(system, frames)
        add_operations(result, step=step, walks=walks, gflop_per_walk=gflop, peak=peak)
        show(result)
        results.append(result)
    keep("models", description=__doc__, results=results, options=options)


if __name__ == "__main__":
    main()
