"""The trainings of a comparison, checked before the first one begins."""

import dataclasses
import itertools
import pathlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from tf3dlocal.config import ConfigError, Experiment
from tf3dlocal.io import MOST_SEED, check_apart, check_names
from tf3dlocal.io.types import PathLike
from tf3dlocal.training import MAY_CHANGE, RunFolder, choose_precision


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """One training of one method.

    Attributes:
        method: Stem of the config's file name.
        label: Name of the method in the report.
        seed: Random seed.
        config: Config with this seed.
        folder: Run folder.
        taken: Whether the run was trained elsewhere and its folder is used as it is.
        chosen_precision: Where its config leaves training.precision to this machine, a sentence on the choice.
    """

    method: str
    label: str
    seed: int
    config: Experiment
    folder: pathlib.Path
    taken: bool = False
    chosen_precision: str | None = None

    @property
    def name(self) -> str:
        """Name of the run, and of its folder if it is made here."""
        return f"{self.method}-seed-{self.seed}"

    @property
    def is_finished(self) -> bool:
        """Whether all steps are done and model.keras is the model that the config keeps, last or best.

        A folder whose training is to be longer has the model of the shorter one.
        """
        run = RunFolder(self.folder)
        steps = [record["step"] for record in run.read_log() if "loss" in record] + run.checkpoint_steps()
        is_kept = run.model_file.exists() and run.model_note()["kept"] == self.config.training.keep_model
        return is_kept and max(steps, default=0) >= self.config.training.steps


def plan_runs(
    configs: Sequence[PathLike],
    *,
    out: PathLike,
    seeds: Iterable[int] = (0,),
    seeds_for: Mapping[str, Iterable[int]] | None = None,
    overrides: Sequence[str] = (),
) -> list[PlannedRun]:
    """Plan the trainings of a comparison: each config with each seed, and the given run folders.

    All configs with their first seed come first, so that an interrupted comparison has a row for every method.

    Args:
        configs: Config files, or run folders of `tf3dlocal train`; "3DLocal=configs/x.yaml" gives a name for the
            report.
        out: Folder of the comparison; the runs are made in out/runs.
        seeds: Random seeds of every config. A run folder has its own.
        seeds_for: Other seeds for some configs: {stem of the file's name: seeds}.
        overrides: Changes to every config, such as "training.steps=100".

    Raises:
        FileNotFoundError: If there is no such file or folder.
        ConfigError: If a config cannot be read, two methods have one name, a seed is given twice, or a given run is not
            finished.

    Example:
        >>> import tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp(), "gait.yaml")
        >>> _ = file.write_text("training: {steps: 10}")
        >>> [run.name for run in plan_runs([file], out="out", seeds=[0, 1])]
        ['gait-seed-0', 'gait-seed-1']
    """
    if not configs:
        raise ConfigError("A comparison needs at least one config or run folder.")
    if any(override.partition("=")[0].strip() == "training.seed" for override in overrides):
        raise ConfigError("--set training.seed: give the seeds of a comparison by --seeds or --seeds-for.")
    named = [_name_and_path(text) for text in configs]
    stems = [_stem(path) for _, path in named]
    labels = _labels(stems, [name for name, _ in named])
    seeds = _check_seeds(seeds, key="--seeds")
    seeds_for = {pathlib.Path(key).stem: _check_seeds(own, key=key) for key, own in (seeds_for or {}).items()}
    try:
        check_names(seeds_for, known=labels, what="config", where="--seeds-for")
    except ValueError as error:
        raise ConfigError(str(error)) from error
    files = {}
    planned = []
    for (_, path), stem in zip(named, stems, strict=True):
        if path.is_dir():
            check_apart(out, source=path, what="a run", outer=False)
            planned.append(_taken_run(path, stem=stem, label=labels[stem], overrides=overrides))
            continue
        if stem in files:
            raise ConfigError(f"{files[stem]} and {path} have the same name, which identifies the runs. Rename one.")
        files[stem] = path
        for seed in seeds_for.get(stem, seeds):
            config = Experiment.from_yaml(path, overrides=[*overrides, f"training.seed={seed}"])
            folder = pathlib.Path(out) / "runs" / f"{stem}-seed-{seed}"
            chosen = None
            if config.training.precision == "auto":
                config, chosen = choose_precision(config, run=_first_begun(folder, stem=stem))
            planned.append(
                PlannedRun(
                    method=stem,
                    label=labels[stem],
                    seed=seed,
                    config=config,
                    folder=folder,
                    chosen_precision=chosen,
                )
            )
    _check_methods(planned)
    return _first_seeds_first(planned)


def shorten_stems(stems: Sequence[str]) -> list[str]:
    """Remove the words at the end of stems that all of them share.

    Example:
        >>> shorten_stems(["gaitset_walkers124_st", "three_d_local_walkers124_st"])
        ['gaitset', 'three_d_local']
    """
    words = [stem.split("_") for stem in stems]
    if len(set(stems)) > 1:
        while len({own[-1] for own in words}) == 1 and all(len(own) > 1 for own in words):
            words = [own[:-1] for own in words]
    return ["_".join(own) for own in words]


def _labels(stems: list[str], names: list[str]) -> dict[str, str]:
    """Choose the name of each method in the report: the given one, or the stem without its common words."""
    labels = dict(zip(stems, shorten_stems(stems), strict=True))
    labels |= {stem: name for stem, name in zip(stems, names, strict=True) if name}
    if len(set(labels.values())) < len(labels):
        raise ConfigError(
            f"Two methods have the same name in the report: {', '.join(labels.values())}. Name them NAME=CONFIG."
        )
    return labels


def _first_seeds_first(planned: list[PlannedRun]) -> list[PlannedRun]:
    """Order the runs: the first of every method, then the second of every method, and so on."""
    count = {run.method: itertools.count() for run in planned}
    return [run for _, run in sorted(((next(count[run.method]), run) for run in planned), key=lambda pair: pair[0])]


def _name_and_path(text: PathLike) -> tuple[str, pathlib.Path]:
    """Split "3DLocal=path" into name and path; an existing path with an equals sign is a path."""
    path = pathlib.Path(text)
    if path.exists() or "=" not in str(text):
        return "", path
    name, _, path = str(text).partition("=")
    if not path:
        raise ConfigError(f"{text!r} names no config. Write NAME=CONFIG, or the config alone.")
    return name, pathlib.Path(path)


def _stem(path: pathlib.Path) -> str:
    """Return the name of the method: that of the file, or of the run folder without its seed."""
    return re.sub(r"-seed-\d+$", "", path.resolve().name) if path.is_dir() else path.stem


def _check_seeds(seeds: Iterable[int], *, key: str) -> list[int]:
    seeds = list(seeds)
    if not seeds or min(seeds) < 0 or max(seeds) > MOST_SEED or len(set(seeds)) < len(seeds):
        raise ConfigError(
            f"{key}: seeds must be different whole numbers from 0 to {MOST_SEED}, such as 0,1; they are {seeds}."
        )
    return seeds


def _first_begun(folder: pathlib.Path, *, stem: str) -> RunFolder:
    """Return the run of a method in whose precision all its seeds train: one that has begun, or the planned one."""
    runs = [RunFolder(folder), *map(RunFolder, sorted(folder.parent.glob(f"{stem}-seed-*")))]
    return next((run for run in runs if run.begun()), runs[0])


def _taken_run(folder: pathlib.Path, *, stem: str, label: str, overrides: Sequence[str]) -> PlannedRun:
    run = RunFolder(folder)
    if not run.config_file.is_file():
        raise FileNotFoundError(
            f"{folder} is a folder without config.yaml. Give a config file, or a run folder of tf3dlocal train."
        )
    config = Experiment.from_yaml(run.config_file)
    changed = config.differences(Experiment.from_yaml(run.config_file, overrides=overrides))
    is_auto = changed.get("training.precision", ("", ""))[1] == "auto"  # which stands for that of the folder
    may_change = MAY_CHANGE | ({"training.precision"} if is_auto else set())
    if keys := [key for key in changed if key not in may_change]:
        raise ConfigError(
            f"--set changes {', '.join(keys)} of {folder}, which is trained already. Give its config instead."
        )
    taken = PlannedRun(method=stem, label=label, seed=config.training.seed, config=config, folder=folder, taken=True)
    if not taken.is_finished:
        raise ConfigError(
            f"The training in {folder} is not finished: there is no model of its {config.training.steps} steps. Repeat "
            "its tf3dlocal train call to finish it."
        )
    return taken


def _check_methods(planned: list[PlannedRun]) -> None:
    """Check that runs of one method differ in their seed only."""
    first = {}
    for run in planned:
        other = first.setdefault(run.method, run)
        differences = other.config.differences(run.config)
        different = {key: pair for key, pair in differences.items() if key not in MAY_CHANGE | {"training.seed"}}
        if different:
            pairs = "; ".join(f"{key} is {one!r} and {two!r}" for key, (one, two) in different.items())
            raise ConfigError(
                f"{other.folder} and {run.folder} are both called {run.method} and are not the same method: {pairs}. "
                "Rename one of them."
            )
    name, count = Counter(run.name for run in planned).most_common(1)[0]
    if count > 1:
        twice = [run for run in planned if run.name == name]
        folders = " and ".join(str(run.folder) for run in twice)
        raise ConfigError(f"{twice[0].method} has the seed {twice[0].seed} twice: {folders}. Remove one.")
