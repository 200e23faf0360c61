"""Turn the docstrings, which are written as Markdown with Google's sections, into what Sphinx reads."""

import re

from sphinx.application import Sphinx

SECTION = re.compile(r"^(Args|Attributes|Call arguments|Examples?|Raises|Returns|Yields):$")

# Stars of lists and of *args are kept, all others are no markup, and neither are lines and underscores at a word's end.
MARKUP = re.compile(r"(?P<kept>^\s*\* |^\s*\*{1,2}(?=\w+:))|[*|]|(?<=\w)_(?!\w)", re.MULTILINE)


def setup(app: Sphinx) -> dict:
    """Register the change with Sphinx, before Napoleon reads the sections."""
    app.connect("autodoc-process-docstring", _process, priority=100)
    return {"version": "1", "parallel_read_safe": True}


def _process(app, what, name, subject, options, lines):
    lines[:] = restructured(lines)


def restructured(lines: list[str]) -> list[str]:
    """Return the lines with code, formulas and tables as reStructuredText writes them.

    Args:
        lines: Of a docstring, without common indentation.

    Returns:
        The lines with `code` in double backticks, Markdown's tables as list tables, and blocks that are indented before
        the first section as literal blocks. Examples stay as they are.
    """
    done, index, in_sections = [], 0, False
    while index < len(lines):
        line = lines[index]
        in_sections = in_sections or bool(SECTION.match(line))
        stop = index + 1
        if not line.strip():
            done.append("")
        elif line.lstrip().startswith(">>>"):
            stop = _end(lines, index, lambda each: each.strip())
            done += lines[index:stop]
        elif line.startswith("|") and line.endswith("|"):
            stop = _end(lines, index, lambda each: each.startswith("|"))
            done += _list_table(lines[index:stop])
        elif line.startswith("    ") and not in_sections and not (done and done[-1].strip()):
            stop = _end(lines, index, lambda each: each.startswith("    "))
            done += ["::", "", *lines[index:stop], ""]
        else:
            stop = _end(lines, index + 1, _is_prose)
            done += _prose("\n".join(lines[index:stop])).split("\n")
        index = stop
    return done


def _end(lines, start, belongs):
    """Return the index of the first line from `start` on that does not belong."""
    return next((i for i in range(start, len(lines)) if not belongs(lines[i])), len(lines))


def _is_prose(line):
    return bool(line.strip()) and not SECTION.match(line) and not line.lstrip().startswith((">>>", "|"))


def _prose(text):
    """Escape what reStructuredText would take for markup, outside of code. Code may continue on the next line."""
    parts = re.split(r"(``.+?``|`[^`]+`)", text, flags=re.DOTALL)
    for i, part in enumerate(parts):
        if i % 2:
            ended = "\\ " if re.match(r"\w", parts[i + 1]) else ""
            parts[i] = (part if part.startswith("``") else f"`{part}`") + ended
        else:
            parts[i] = MARKUP.sub(lambda match: match["kept"] or "\\" + match[0], part)
    return "".join(parts)


def _list_table(lines):
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
    table = [".. list-table::", "   :header-rows: 1", ""]
    for row in [rows[0], *rows[2:]]:
        table += [f"   {'-' if i else '* -'} {_prose(cell)}".replace("   - ", "     - ") for i, cell in enumerate(row)]
    return ["", *table, ""]
