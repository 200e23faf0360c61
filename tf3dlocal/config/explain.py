"""What pydantic found wrong, in a line that names the place and the way out."""

import difflib

from tf3dlocal.config.sections import Section


def explain(experiment, problem, source, changed):
    """One line about one of pydantic's findings: where it stands, what is wrong, and the nearest key if one is unknown."""
    key = ".".join(str(step) for step in problem["loc"])
    where = next((override for name, override in changed.items() if key and (key + ".").startswith(name + ".")), source)
    if problem["type"] == "extra_forbidden":
        known = _known_keys(experiment)
        *section, name = key.split(".")
        siblings = [k for k in known if k.split(".")[:-1] == section]
        near = difflib.get_close_matches(name, [k.split(".")[-1] for k in siblings], n=1)
        near = [".".join([*section, near[0]])] if near else [k for k in known if k.split(".")[-1] == name]
        near = near or difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        way_out = f"did you mean {near[0]}?" if near else "it has " + ", ".join(siblings or known)
        return f"{where}: there is no key {key}; {way_out}"
    if problem["type"] == "missing":
        return f"{where}: the key {key} is missing, and it has no default"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "value_error" and problem["loc"] != ("training", "strategy"):
        return f"{where}: {key + ': ' if key else ''}{message}"
    return f"{where}: {key} is {problem['input']!r}: {message}"


def _known_keys(section, prefix=""):
    keys = []
    for name, field in section.model_fields.items():
        keys.append(prefix + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            keys += _known_keys(field.annotation, f"{prefix}{name}.")
    return keys
