"""What a whole model costs: its training step and its inference, against the same model in plain PyTorch.

    python benchmarks/models.py [TABLE ...] [--all] [--quick] [--rounds N] [--threads N] [--json FILE] [--out [DIR]]

A table has the PyTorch twin (benchmarks/torch_twins), the form that the library chooses, not compiled (any length of walk)
and compiled by XLA (for one length), and one of the others: 3-D convolutions as 2-D ones on stacked frames, not compiled.
A training step is forward, losses, backward and optimizer, on a batch in memory. All are float32 and on the CPU, on a
machine with a GPU too: the twins use none. The processes of a table are there together: about 13 GB for a training step
of 8 walks and what the second PyTorch takes, more for `paper`; --walks 2 where there is less.

Ours keep the memory that a step frees, in large pages (`tf3dlocal.freed_memory`). PyTorch as one installs it gives it
back, which weighs with the large maps of a training step. So there is a row of PyTorch where glibc is told the same by
environment variables; the plain one stays what ratios are to. And the twins of 3DLocal normalize, rectify and pool the map
in front of the localization networks once for every part, as the authors' code does, where ours does it once for
all parts (`NormalizedMaxPooling`): that is a merit of ours and stands in its times. GFLOP/s are of the same count for all.
"""

import functools

from _tables import ROOT, TWINS, chosen, keep, options_of, show, stay_on_the_cpu

from tf3dlocal.benchmark import Alternative, matmul_peak, side_by_side
from tf3dlocal.benchmark.operations_of_step import add_operations, cost_of_config

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
# Thresholds that no map reaches (1 TB), and large pages (from glibc 2.35 on; older ones pass over it).
FREED_MEMORY_KEPT = {
    "MALLOC_MMAP_THRESHOLD_": str(2**40),
    "MALLOC_TRIM_THRESHOLD_": str(2**40),
    "MALLOC_TOP_PAD_": str(2**26),
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
OURS = [("ours", "auto", False), ("ours, XLA", "auto", True), ("ours, stacked", "stacked", False)]
DEFAULT = ["release-training", "release-inference", "one-walk"]


def training(system, walks, frames):
    """The alternatives of one training step."""
    yield twin(system, "training_step", walks, frames)
    yield twin(system, "training_step", walks, frames, f"{TWIN}, freed memory kept", FREED_MEMORY_KEPT)
    for name, form, compiled in OURS:
        yield ours("training_step", system, name, walks, frames, form=form, compiled=compiled)


def inference(system, walks, frames):
    """The alternatives of embedding one batch."""
    yield twin(system, "inference", walks, frames)
    for name, form, compiled in OURS:
        yield ours("inference_step", system, name, walks, frames, form=form, compiled=compiled)


def twin(system, step, walks, frames, name=TWIN, environment=None):
    _, file, arguments = SYSTEMS[system]
    return Alternative(
        name, f"{TWINS / file}:{step}", {"walks": walks, "frames": frames, **arguments}, environment or {}
    )


def ours(step, system, name, walks, frames, **arguments):
    arguments |= {"config": config_of(system), "walks": walks, "frames": frames}
    return Alternative(name, f"tf3dlocal.benchmark.{step}:{step}", arguments)


def config_of(system):
    return str(ROOT / "configs" / SYSTEMS[system][0])


@functools.cache
def gflop_per_walk(system, frames):
    return cost_of_config(config_of(system), frames=frames)["gflop_per_walk"]


STEPS = {"train": training, "inference": inference}


def tables(walks, frames):
    """{name of a table: (title, one of STEPS, system, walks, frames)}."""
    found = {}
    for system in SYSTEMS:
        found[f"{system}-training"] = (f"{system}: one training step", "train", system, walks, frames)
        found[f"{system}-inference"] = (f"{system}: inference", "inference", system, walks, frames)
    found["one-walk"] = ("release: inference of one walk", "inference", "release", 1, frames)
    return found


def main():
    parser = options_of(__doc__, list(tables(8, 30)))
    parser.add_argument("--all", action="store_true", help=f"all tables, not only {', '.join(DEFAULT)}")
    parser.add_argument("--walks", type=int, help="walks of a batch; 8 if not given")
    parser.add_argument("--frames", type=int, help="frames of a walk; 30 if not given")
    options = parser.parse_args()
    walks, frames = options.walks or (4 if options.quick else 8), options.frames or (8 if options.quick else 30)
    rounds, limit = (
        options.rounds or (3 if options.quick else 7),
        None if options.rounds else 5 if options.quick else 60,
    )
    all_tables = tables(walks, frames)
    if not options.tables and not options.all:
        options.tables = DEFAULT[: 2 if options.quick else None]
    names, device = chosen(parser, options, all_tables), stay_on_the_cpu()
    peak, results = matmul_peak(threads=options.threads), []
    for name in names:
        title, step, system, walks, frames = all_tables[name]
        result = side_by_side(
            STEPS[step](system, walks, frames),
            rounds,
            title,
            threads=options.threads,
            limit_seconds=limit,
            conditions={"walks": walks, "frames": frames, "silhouettes": "64 x 44", "precision": "float32", **device},
        )
        add_operations(result, step, walks, gflop_per_walk(system, frames), peak)
        show(result)
        results.append(result)
    keep("models", __doc__, results, options)


if __name__ == "__main__":
    main()
