"""A layout file: how the paths of any other data set are built. Imported only where such a file is given."""

from __future__ import annotations

from typing import Annotated

import pydantic

from tf3dlocal.data.raw.files import RawDataError
from tf3dlocal.data.raw.path_pattern import HELP, PathPattern
from tf3dlocal.io import YamlError, read_yaml_file, user_path
from tf3dlocal.io.types import PathLike


def _is_a_name(text: str) -> str:
    if not text.strip() or not text.isprintable() or "/" in text:
        raise ValueError("a name of printable characters without / is needed")
    return text


_Name = Annotated[str, pydantic.AfterValidator(_is_a_name)]
_Degrees = Annotated[int, pydantic.Field(ge=0, le=360)]


class _LayoutFile(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    pattern: str
    name: _Name | None = None
    views: dict[str | int, _Degrees] | None = None
    condition: _Name | None = None
    view: _Degrees | None = None


def read_layout_file(path: PathLike) -> tuple[str | None, PathPattern]:
    """Read the name and the layout of a data set from a YAML file.

    The file says how the path of a frame is built. Everything but `pattern` is optional:

        name: corridor                                  # the data set's name in reports (default: the name of RAW)
        pattern: "{subject}/{condition}/{view}/{frame}.png"
        views: {left: 270, right: 90}                   # degrees; without it the folder's name is the number
        condition: nm-01                                # of all sequences, where the pattern has no {condition}
        view: 90                                        # of all sequences, where the pattern has no {view}

    A pattern that ends in .pkl describes OpenGait's pickles, one whole walk per file (see `opengait_pickles`).

    Args:
        path: The YAML file.

    Returns:
        (name, pattern); the name is None where the file gives none.

    Raises:
        RawDataError: The file is not YAML, a key is unknown, repeated or of the wrong type, or the pattern lacks
            {subject} or {frame}.
    """
    path = user_path(path)
    try:
        document = read_yaml_file(path)
    except YamlError as error:
        raise RawDataError(str(error)) from error
    if not isinstance(document.values, dict):
        raise RawDataError(f'{path}: expected keys and values, such as `pattern: "{{subject}}/{{frame}}.png"`.')
    try:
        layout = _LayoutFile(**document.values)
    except pydantic.ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise RawDataError(f"{path}: {faults}. Known keys: {', '.join(_LayoutFile.model_fields)}. {HELP}") from error
    return layout.name, PathPattern(
        path.name,
        pattern=layout.pattern,
        views=layout.views and {str(text): degrees for text, degrees in layout.views.items()},
        condition=layout.condition,
        view_degrees=layout.view,
    )
