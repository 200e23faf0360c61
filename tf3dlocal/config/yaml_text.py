"""YAML as people write it, and single keys changed from the command line."""

import re

import yaml

from tf3dlocal.config.config_error import ConfigError


class _Loader(yaml.SafeLoader):
    """YAML as people write numbers: 1e-4 is a number, and a subject 005 stays the text "005" (YAML 1.1 reads five)."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":int", ":float", ":timestamp"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, _pattern in (
    ("int", r"[-+]?(?:0|[1-9][0-9]*)"),
    ("float", r"[-+]?(?:(?:0|[1-9][0-9]*)\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?[1-9][0-9]*[eE][-+]?[0-9]+"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list("-+.0123456789"))


def read_yaml(text, source):
    """The values of a YAML text; `source` is its name in messages."""
    try:
        return _Loader(text).get_single_data()
    except yaml.YAMLError as error:
        raise ConfigError(f"{source} is not YAML: {error}") from None


def apply_override(values, override):
    """Set one "key.sub=value" in the nested dict `values`; returns the dotted key."""
    key, equals, text = override.partition("=")
    key = key.strip()
    if not equals or not key:
        raise ConfigError(f"--set {override}: write KEY=VALUE, for instance training.steps=100")
    *sections, name = key.split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise ConfigError(f"--set {override}: {section} is a value and holds no keys")
    values[name] = read_yaml(text, f"--set {override}")
    return key
