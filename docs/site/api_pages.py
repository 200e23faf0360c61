"""Write a page for Sphinx for every package of tf3dlocal that has public names."""

import ast
import importlib
import inspect
import pathlib
import pkgutil
import shutil

from docstrings import restructured

import tf3dlocal


def packages() -> dict[str, list[str]]:
    """Return {package: public names}, for all packages that have some."""
    names = [tf3dlocal.__name__]
    names += sorted(module.name for module in pkgutil.walk_packages(tf3dlocal.__path__, "tf3dlocal.") if module.ispkg)
    found = {}
    for name in names:
        package = importlib.import_module(name)
        outer = importlib.import_module(name.rpartition(".")[0] or name)
        # A name that the package around it has as well is described there.
        given = set(getattr(outer, "__all__", ())) if outer is not package else set()
        found[name] = [each for each in getattr(package, "__all__", ()) if each not in given]
    return {name: public for name, public in found.items() if public}


def write(folder: pathlib.Path) -> None:
    """Write the pages into a folder, which holds nothing else.

    Args:
        folder: Created where it does not exist. Files that are right are left alone, so that Sphinx need not read them
            again; pages of packages that are gone are removed.
    """
    pages = {f"{package}.rst": _page(package, names) for package, names in packages().items()}
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        if path.name not in pages:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _page(package, names):
    title = f"{package}\n{'=' * len(package)}\n\n"
    head = f"{title}.. automodule:: {package}\n\n.. currentmodule:: {package}\n\n"
    values = {name: getattr(importlib.import_module(package), name) for name in names}
    constants = [name for name, value in values.items() if not callable(value) or not hasattr(value, "__name__")]
    described = [name for name in names if name not in constants]
    table = ".. list-table::\n   :class: names\n\n"
    for name in described:
        (line,) = restructured(inspect.getdoc(values[name]).splitlines()[:1])
        table += f"   * - :py:obj:`{name}`\n     - {line}\n"
    entries = [_constant(package, name, values[name]) for name in constants]
    entries += [_described(name, values[name]) for name in described]
    return f"{head}{table if described else ''}\n" + "\n".join(entries)


def _described(name, value):
    if not inspect.isclass(value):
        return f".. autofunction:: {name}\n"
    if issubclass(value, BaseException):
        return f".. autoexception:: {name}\n"
    members = [each for each, member in vars(value).items() if not each.startswith("_") and _has_text(member)]
    return f".. autoclass:: {name}\n" + (f"   :members: {', '.join(members)}\n" if members else "")


def _has_text(member):
    """Whether a member of a class is a method or a property that this project describes."""
    function = getattr(member, "__func__", getattr(member, "fget", member))
    return bool(inspect.isfunction(function) and function.__doc__ and function.__module__.startswith("tf3dlocal"))


def _constant(package, name, value):
    text = _text_below(package, name) or f"Of type `{type(value).__name__}`."
    shown = repr(value)
    line = f"   :value: {shown}\n" if len(shown) < 200 and "<" not in shown else ""
    return f".. py:data:: {name}\n{line}\n" + "".join(f"   {each}\n" for each in restructured(text.splitlines()))


def _text_below(package, name):
    """Return the string that follows the assignment of a name, in whichever module of the package that is."""
    folder = pathlib.Path(importlib.import_module(package).__file__).parent
    for path in sorted(folder.rglob("*.py")):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        for node, following in zip(body, body[1:], strict=False):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            named = name in [getattr(target, "id", None) for target in targets]
            if named and isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
                return inspect.cleandoc(following.value.value)
    return ""
