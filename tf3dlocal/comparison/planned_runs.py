"""Which trainings a comparison consists of, checked before the first of them begins."""

import dataclasses
import os
import pathlib
import re
from collections.abc import Iterable, Mapping, Sequence

from tf3dlocal.config import ConfigError, Experiment
from tf3dlocal.training.fitted_model import kept_model
from tf3dlocal.training.run_folder import MAY_CHANGE, RunFolder


@dataclasses.dataclass(frozen=True)
class PlannedRun:
    """One training of one method: made in `folder`, or taken from there where it was trained elsewhere (`taken`)."""

    method: str  # stem of the config's name
    label: str  # what the report calls the method
    seed: int
    config: Experiment
    folder: pathlib.Path
    taken: bool = False

    @property
    def name(self) -> str:
        return f"{self.method}-seed-{self.seed}"

    @property
    def is_finished(self) -> bool:
        """Whether the fitted model of all steps is there: a longer training of the same folder leaves the shorter's.

        And whether it is the one that the config keeps, the last or the best.
        """
        run = RunFolder(self.folder)
        steps = [record["step"] for record in run.read_log() if "loss" in record] + run.checkpoint_steps()
        is_kept = run.model_file.exists() and kept_model(run)["kept"] == self.config.training.keep_model
        return is_kept and max(steps, default=0) >= self.config.training.steps


def plan_runs(
    configs: Sequence[str | os.PathLike],
    out: str | os.PathLike,
    seeds: Iterable[int] = (0,),
    seeds_for: Mapping[str, Iterable[int]] | None = None,
    overrides: Sequence[str] = (),
) -> list[PlannedRun]:
    """The trainings of a comparison: each config with each seed, and the run folders that are handed over.

    All configs with their first seed come first, so that a comparison that is cut short has a row for every method.

    Args:
        configs: config files, or run folders of `tf3dlocal train`; "3DLocal=configs/x.yaml" gives a name for the report.
        out: folder of the comparison; the runs are made in out/runs.
        seeds: of every config. A run folder has its own.
        seeds_for: other seeds for some configs: {stem of the file's name: seeds}.
        overrides: changes to every config, as "training.steps=100".

    Raises:
        FileNotFoundError: no such file or folder.
        ConfigError: a config that cannot be read, two methods of one name, a seed twice, an unfinished run handed over.

    Example:
        >>> import tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp(), "gait.yaml")
        >>> _ = file.write_text("training: {steps: 10}")
        >>> [run.name for run in plan_runs([file], "out", seeds=[0, 1])]
        ['gait-seed-0', 'gait-seed-1']
    """
    if not configs:
        raise ConfigError("a comparison needs at least one config or run folder")
    if any(override.partition("=")[0].strip() == "training.seed" for override in overrides):
        raise ConfigError("--set training.seed: the seeds of a comparison are given by --seeds or --seeds-for")
    named = [_name_and_path(text) for text in configs]
    stems = [_stem(path) for _, path in named]
    labels = dict(zip(stems, shorten_stems(stems), strict=True))
    labels |= {stem: name for stem, (name, _) in zip(stems, named, strict=True) if name}
    if len(set(labels.values())) < len(labels):
        raise ConfigError(
            f"two methods have one name in the report: {', '.join(labels.values())}; name them NAME=CONFIG"
        )
    seeds_for = {pathlib.Path(key).stem: _check_seeds(own, key) for key, own in (seeds_for or {}).items()}
    if unknown := sorted(set(seeds_for) - set(stems)):
        raise ConfigError(f"--seeds-for {unknown[0]}: there is no such config here; there are {', '.join(labels)}")
    seeds, planned, files = _check_seeds(seeds, "--seeds"), [], {}
    for (_, path), stem in zip(named, stems, strict=True):
        if path.is_dir():
            planned.append(_taken_run(path, stem, labels[stem], overrides))
            continue
        if stem in files:
            raise ConfigError(f"{files[stem]} and {path} have the same name, by which runs are told apart: rename one")
        files[stem] = path
        for seed in seeds_for.get(stem, seeds):
            config = Experiment.from_yaml(path, [*overrides, f"training.seed={seed}"])
            folder = pathlib.Path(out) / "runs" / f"{stem}-seed-{seed}"
            planned.append(PlannedRun(stem, labels[stem], seed, config, folder))
    _check_methods(planned)
    order = {id(run): sum(run.method == earlier.method for earlier in planned[:i]) for i, run in enumerate(planned)}
    return sorted(planned, key=lambda run: order[id(run)])


def shorten_stems(stems: Sequence[str]) -> list[str]:
    """Stems without the words at their end that all of them share.

    Example:
        >>> shorten_stems(["gaitset_walkers124_st", "three_d_local_walkers124_st"])
        ['gaitset', 'three_d_local']
    """
    words = [stem.split("_") for stem in stems]
    if len(set(stems)) > 1:
        while len({own[-1] for own in words}) == 1 and all(len(own) > 1 for own in words):
            words = [own[:-1] for own in words]
    return ["_".join(own) for own in words]


def _name_and_path(text):
    """("3DLocal", path) of "3DLocal=path"; a path that holds an equals sign and exists is a path."""
    path = pathlib.Path(text)
    if path.exists() or "=" not in str(text):
        return "", path
    name, _, path = str(text).partition("=")
    return name, pathlib.Path(path)


def _stem(path):
    """The method's name: that of the file, or of the run folder without its seed."""
    return re.sub(r"-seed-\d+$", "", path.resolve().name) if path.is_dir() else path.stem


def _check_seeds(seeds, key):
    seeds = list(seeds)
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds):
        raise ConfigError(f"{key}: seeds are different whole numbers from 0, such as 0,1; got {seeds}")
    return seeds


def _taken_run(folder, stem, label, overrides):
    run = RunFolder(folder)
    if not run.config_file.is_file():
        raise FileNotFoundError(
            f"{folder} is a folder without config.yaml: give a config file, or a run folder that tf3dlocal train made"
        )
    config = Experiment.from_yaml(run.config_file)
    changed = config.differences(Experiment.from_yaml(run.config_file, overrides))
    if key := next((key for key in changed if key not in MAY_CHANGE), None):
        raise ConfigError(
            f"--set changes {key} of {folder}, which is trained already: hand over its config in its place"
        )
    taken = PlannedRun(stem, label, config.training.seed, config, pathlib.Path(folder), taken=True)
    if not taken.is_finished:
        raise ConfigError(
            f"the training in {folder} is not finished: its model of {config.training.steps} steps is not there; give "
            "its tf3dlocal train call again to finish it"
        )
    return taken


def _check_methods(planned):
    """Runs of one method differ by their seed only."""
    first = {}
    for run in planned:
        other = first.setdefault(run.method, run)
        differences = other.config.differences(run.config)
        different = {key: pair for key, pair in differences.items() if key not in MAY_CHANGE | {"training.seed"}}
        if different:
            key, (one, two) = next(iter(different.items()))
            raise ConfigError(
                f"{other.folder} and {run.folder} are both called {run.method} and are not the same method: {key} is "
                f"{one!r} and {two!r}; rename one of them"
            )
    names = [run.name for run in planned]
    if twice := next((run for run in planned if names.count(run.name) > 1), None):
        folders = " and ".join(str(run.folder) for run in planned if run.name == twice.name)
        raise ConfigError(f"{twice.method} has the seed {twice.seed} twice: {folders}")
