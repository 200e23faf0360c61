"""The keys of a protocol, as a file to fill in and as a table; both are made from the fields of `Protocol`."""

import textwrap

from tf3dlocal.evaluation.protocol.protocol_model import Protocol

_HEAD = """\
# A protocol: who trains, who is tested, and which walks are compared. Fill in names as the folders of the data set have
# them; every name must exist there. Keys that show their default may be removed.
"""


def protocol_template() -> str:
    """Return a commented YAML file with all keys of a protocol; it is a valid protocol itself.

    Example:
        >>> protocol_template().splitlines()[3:5]
        ['# Name of the protocol in reports. (text)', 'name: my-protocol']
    """
    parts = [_HEAD]
    for name, field in Protocol.model_fields.items():
        extra = field.json_schema_extra
        text = f"{field.description} ({extra['written']})"
        comment = textwrap.fill(text, 118, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
        parts.append(f"{comment}\n{name}: {extra['example']}\n")
    return "\n".join(parts)


def protocol_reference() -> str:
    """Return a Markdown table of the keys of a protocol: what is written, the default, and the meaning.

    Example:
        >>> print(protocol_reference().splitlines()[0])
        | key | value | default | meaning |
    """
    rows = ["| key | value | default | meaning |", "|---|---|---|---|"]
    for name, field in Protocol.model_fields.items():
        written = field.json_schema_extra["written"].replace("|", "\\|")
        default = "required" if field.is_required() else f"`{_as_yaml(field.default)}`"
        rows.append(f"| `{name}` | {written} | {default} | {field.description} |")
    return "\n".join(rows) + "\n"


def _as_yaml(value: object) -> str:
    known = {(): "[]", "": '""', True: "true", False: "false"}
    return "{}" if value == {} else known.get(value, str(value))
