"""What is wrong with a config: one line per mistake, with its place and its fix."""

import difflib
from collections.abc import Mapping
from typing import Any

import pydantic

from tf3dlocal.io import YamlDocument

# What people call a key who know other programs, by the last word of what they type.
ALIASES = {
    **dict.fromkeys(("lr", "rate", "base_lr", "learning_rate", "initial_lr"), "schedule.learning_rate"),
    **dict.fromkeys(("warmup", "warm_up", "warmup_epochs", "num_warmup_steps"), "schedule.warmup_steps"),
    **dict.fromkeys(("gamma", "decay", "lr_decay"), "schedule.factor"),
    **dict.fromkeys(("scheduler", "lr_schedule", "lr_scheduler"), "schedule.name"),
    **dict.fromkeys(("batch", "batch_size", "num_subjects", "p"), "data.subjects_per_batch"),
    **dict.fromkeys(("samples_per_subject", "clips_per_subject", "k"), "data.walks_per_subject"),
    **dict.fromkeys(("frames", "num_frames", "frames_num", "sequence_length"), "data.clip_length"),
    **dict.fromkeys(("resolution", "height", "image_size", "img_size"), "data.size"),
    **dict.fromkeys(("dataset", "data_path", "data_dir", "dataset_root", "root", "path"), "data.folder"),
    **dict.fromkeys(("flip", "hflip", "horizontal_flip"), "data.flip_probability"),
    **dict.fromkeys(("exclude", "excluded", "excluded_subjects"), "data.exclude_subjects"),
    **dict.fromkeys(
        (
            "epochs",
            "num_epochs",
            "max_epochs",
            "iterations",
            "iters",
            "max_iter",
            "max_steps",
            "num_steps",
            "total_iter",
        ),
        "training.steps",
    ),
    **dict.fromkeys(("random_seed", "random_state"), "training.seed"),
    **dict.fromkeys(
        ("amp", "fp16", "bf16", "float16", "mixed_precision", "enable_float16", "dtype"), "training.precision"
    ),
    **dict.fromkeys(("xla", "jit", "compile"), "training.jit_compile"),
    **dict.fromkeys(("gpu", "gpus", "num_gpus", "device", "devices", "distribute"), "training.strategy"),
    **dict.fromkeys(("log_every", "log_interval", "log_iter", "print_every"), "training.report_every"),
    **dict.fromkeys(("save_every", "save_interval", "save_iter", "save_steps"), "training.checkpoint_every"),
    **dict.fromkeys(("eval_every", "eval_interval", "eval_iter", "validate_every"), "training.evaluate_every"),
    **dict.fromkeys(("validation_subjects", "held_out", "holdout"), "training.held_out_subjects"),
    **dict.fromkeys(("pretrained", "init_from", "restore", "restore_hint", "resume", "weights"), "training.start_from"),
    **dict.fromkeys(
        ("gradient_accumulation", "accumulation", "accumulate_grad_batches"), "training.accumulation_steps"
    ),
    **dict.fromkeys(("checkpointing", "gradient_checkpointing", "remat"), "training.recompute"),
    **dict.fromkeys(("determinism", "reproducible", "cudnn_deterministic"), "training.deterministic"),
    **dict.fromkeys(("l2", "wd"), "optimizer.weight_decay"),
    **dict.fromkeys(("eps",), "optimizer.epsilon"),
    **dict.fromkeys(("localization_rate", "localisation_rate"), "optimizer.rates.localization"),
    **dict.fromkeys(("smoothing", "label_smooth"), "losses.cross_entropy.label_smoothing"),
    **dict.fromkeys(("temperature", "s"), "losses.cross_entropy.scale"),
    **dict.fromkeys(("m", "triplet_margin"), "losses.triplet.margin"),
    **dict.fromkeys(("architecture", "arch", "backbone", "network"), "model.name"),
}

# What a key takes that holds several values, or values of several kinds: pydantic names an item or a kind, not the key.
FORMS = {
    "data.exclude_subjects": "a list of names of subjects, such as [005, 010]",
    "data.window": "[shortest, longest] in frames, two whole numbers from 1, such as [30, 40]",
    "model.arguments": "arguments of the model with their values, such as {channels: [32, 64, 128]}",
    "schedule.milestones": "a list of steps that rise, whole numbers from 1, such as [10000, 20000]",
    "training.held_out_views": "a list of views in whole degrees, such as [0, 90], or null for all views",
    "training.jit_compile": "true, false or auto",
}


class ConfigError(ValueError):
    """A config cannot be used; the message names the file, the key and the fix."""


def explain(
    experiment: type[pydantic.BaseModel],
    *,
    problem: Mapping[str, Any],
    document: YamlDocument,
    overrides: Mapping[str, str],
) -> str:
    """Return one line about one of pydantic's findings.

    Args:
        experiment: The model that was validated, for the names of its keys.
        problem: One of `ValidationError.errors()`.
        document: The YAML text, for the line of the key.
        overrides: The override of each key that was changed, such as {"training.steps": "--set training.steps=3"}.

    Returns:
        Such as "configs/x.yaml, line 12: there is no key 'training.step'; did you mean 'training.steps'?"
    """
    key = ".".join(str(step) for step in problem["loc"])
    if form := next((name for name in FORMS if f"{key}.".startswith(f"{name}.")), None):
        value = document.values
        for step in form.split("."):
            value = value[step]
        return f"{_place(form, document, overrides)}: {form!r} is {value!r}, and it takes {FORMS[form]}."
    place = _place(key, document, overrides)
    if problem["type"] == "extra_forbidden":
        return f"{place}: there is no key {key!r}; {_nearest_key(experiment, key)}"
    if problem["type"] == "missing":
        return f"{place}: the key {key!r} is missing; it has no default."
    if problem["type"] == "value_error":  # of a validator in `sections`, whose message names the value
        reason = problem["msg"].removeprefix("Value error, ")
        return f"{place}: {key + ': ' if key else ''}{reason}."
    if problem["type"] == "model_type":
        return (
            f"{place}: {key!r} is {problem['input']!r}, and it is a section: write its keys below it, or leave it out."
        )
    reason = problem["msg"][:1].lower() + problem["msg"][1:]
    return f"{place}: {key!r} is {problem['input']!r}: {reason}."


def _place(key, document, overrides):
    """Where a key was set: its override, or its line; a section is named with the overrides inside it."""
    for name, override in overrides.items():
        if key and f"{key}.".startswith(f"{name}."):
            return override
    inside = [override for name, override in overrides.items() if not key or name.startswith(f"{key}.")]
    return " with ".join([document.where(key), *inside])


def _nearest_key(experiment, key):
    """A sentence with the key that was probably meant: of the same section, of another name, or of another section."""
    known = _known_keys(experiment)
    *section, name = key.split(".")
    names = {one: one.split(".")[-1] for one in known}
    siblings = [one for one in known if one.split(".")[:-1] == section]
    leaves = [one for one in known if not any(other.startswith(f"{one}.") for other in known)]
    near = difflib.get_close_matches(name, [names[one] for one in siblings], n=1, cutoff=0.8)
    found = [".".join([*section, near[0]])] if near else [one for one in leaves if names[one] == name]
    if not found and name.lower() in ALIASES:
        found = [ALIASES[name.lower()]]
    if not found and section[:1] == ["model"]:
        return f"an argument of the model is model.arguments.{name}."
    if not found and (near := difflib.get_close_matches(name, [names[one] for one in siblings], n=1)):
        found = [".".join([*section, near[0]])]
    if not found and (near := difflib.get_close_matches(name, [names[one] for one in leaves], n=1)):
        found = [one for one in leaves if names[one] == near[0]]
    return f"did you mean {' or '.join(map(repr, found))}?" if found else f"there are {', '.join(siblings or known)}."


def _known_keys(section, prefix=""):
    keys = []
    for name, field in section.model_fields.items():
        keys.append(prefix + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, pydantic.BaseModel):
            keys += _known_keys(field.annotation, f"{prefix}{name}.")
    return keys
