"""YAML without its surprises: `001` stays the text "001", `036` is not the octal number 30, a key twice is an error."""

import re

import yaml


class _PlainLoader(yaml.SafeLoader):
    """PyYAML's safe loader with only these scalars: true, false, null, decimal whole numbers and fractions."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key}' stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


_PlainLoader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("null", r"null|~|", ["n", "~", ""]),
    ("int", r"-?(?:0|[1-9][0-9]*)", "-0123456789"),
    ("float", r"-?(?:0|[1-9][0-9]*)\.[0-9]+", "-0123456789"),
):
    _PlainLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first))


def read_plain_yaml(text: str):
    """Read one YAML document; subject ids and views may be written without quotes.

    Standard YAML 1.1 reads `010` as eight and `036` as thirty; ids and views of gait data look exactly so. Here a
    number with a leading zero stays text, and only `true` and `false` are truth values (`NO` is a name like any other).

    Args:
      text: the YAML document.

    Returns: dicts, lists, strings, ints, floats, bools and None.

    Raises:
      yaml.YAMLError: the text is not YAML, uses a tag, or gives a key twice; the message has line and column.

    Example:
      >>> read_plain_yaml("{subjects: [001, 010], views: [0, 036]}")
      {'subjects': ['001', '010'], 'views': [0, '036']}
    """
    loader = _PlainLoader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()
