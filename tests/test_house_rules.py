"""The rules that make the package one house: names, signatures, sizes and private API, checked on the source itself."""

import ast
import importlib
import inspect
import pathlib
import pkgutil

import pytest

import tf3dlocal
from tf3dlocal.cli import COMMANDS

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "tf3dlocal"
MODULES = sorted(PACKAGE.rglob("*.py"))
PACKAGES = sorted(path.parent for path in MODULES if path.name == "__init__.py")

# Methods that Keras or Python call, with signatures of theirs.
HOOKS = {"build", "call", "get_config", "from_config", "compute_output_shape", "compute_output_spec", "train_step"}
# Public names that take more than one positional argument, each with its reason.
POSITIONAL = {
    "ErrorRates": "a named tuple, the two rates of a curve",
    "Estimate": "a value and its two bounds",
    "GaitModel": "Keras' own arguments of a functional model, by which it loads one",
    "LayerRow": "a named tuple, a row of supplement Table 1",
    "Location": "a named tuple of the eight numbers",
    "PartPrior": "a named tuple, a row of supplement Table 3",
    "Walk": "a named tuple",
    "apply_filters": "a product of arrays",
    "check_model_arguments": "name and arguments, the two keys of a config's model",
    "decode_location": "raw numbers, prior and size, as in the equations",
    "gaussian_filter": "positions, variance and size, as in Eq. 7",
    "linear_filter": "positions and size, as in Eq. 9",
    "matches_leading_word": "word and name",
    "near_names": "name and known names",
    "write_bytes": "path and content",
    "write_file": "path and writer",
    "write_json": "path and values",
    "write_text": "path and text",
    "sampling_grid": "centre, stride and count, as in Eq. 4",
    "pairwise_distances": "probes and gallery",
    "triplet_hard_loss": "labels and features, as in tensorflow-addons",
    "triplet_semihard_loss": "labels and features, as in tensorflow-addons",
}


def source_name(path):
    return path.relative_to(ROOT).as_posix()


def dotted(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def functions_of(tree):
    """(function, name of its class or None) of a module's functions and methods; inner functions are left out."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node, None
        elif isinstance(node, ast.ClassDef):
            yield from ((inner, node.name) for inner in node.body if isinstance(inner, ast.FunctionDef))


def is_public(function, class_name):
    name = function.name
    if class_name is not None:
        if name in HOOKS or name.startswith("on_") or class_name.startswith("_"):
            return False
        return name == "__init__" or not name.startswith("_")
    return not name.startswith("_")


def parameters(function, is_method):
    own = [*function.args.posonlyargs, *function.args.args]
    static = any(getattr(decorator, "id", None) == "staticmethod" for decorator in function.decorator_list)
    return [*own[1 if is_method and not static else 0 :], *function.args.kwonlyargs]


@pytest.mark.parametrize("path", MODULES, ids=source_name)
def test_public_functions_say_the_types_of_what_they_take_and_give(path):
    bare = []
    for function, class_name in functions_of(ast.parse(path.read_text(encoding="utf-8"))):
        if not is_public(function, class_name):
            continue
        missing = [each.arg for each in parameters(function, class_name is not None) if each.annotation is None]
        if function.returns is None and function.name != "__init__":
            missing.append("return")
        if missing:
            bare.append(f"{class_name or ''}.{function.name}: {', '.join(missing)}".lstrip("."))
    assert not bare, f"{source_name(path)} lacks type hints:\n" + "\n".join(bare)


@pytest.mark.parametrize("folder", PACKAGES, ids=source_name)
def test_a_package_writes_its_public_names_out(folder):
    package = importlib.import_module(dotted(folder / "__init__.py"))
    names = getattr(package, "__all__", [])
    assert names == sorted(set(names), key=names.index), "a name is listed twice"
    for module in pkgutil.iter_modules([str(folder)]):
        if module.name != "__main__":
            importlib.import_module(f"{package.__name__}.{module.name}")
    # Once a module is imported, the package's attribute of that name is the module, and hides a lazy public name.
    hidden = [name for name in names if inspect.ismodule(getattr(package, name))]
    assert not hidden, f"{hidden} name a module and a public object: rename the module, or import the object eagerly"


@pytest.mark.parametrize("folder", PACKAGES, ids=source_name)
def test_public_functions_take_one_positional_argument(folder):
    package = importlib.import_module(dotted(folder / "__init__.py"))
    wrong = []
    for name in getattr(package, "__all__", []):
        value = getattr(package, name)
        if not callable(value) or name in POSITIONAL or (inspect.isclass(value) and issubclass(value, Exception)):
            continue
        try:
            given = inspect.signature(value).parameters.values()
        except ValueError:
            continue
        kinds = [each for each in given if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
        if len(kinds) > 1:
            wrong.append(f"{name}({', '.join(each.name for each in kinds)})")
    assert not wrong, f"make all but the first argument keyword-only: {wrong}"


def test_no_call_passes_more_than_three_positional_arguments():
    ours = {
        node.name
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    } - {"call", "apply", "together"}  # together(*numbers) takes any number of them
    wrong = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or len(node.args) <= 3:
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in ours:
                wrong.append(f"{source_name(path)}:{node.lineno} {name}")
    assert not wrong, "\n".join(wrong)


def test_no_file_is_longer_than_a_person_reads_at_once():
    lengths = {source_name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert not {name: length for name, length in lengths.items() if length > 300}


def test_a_room_has_a_dozen_files_at_most():
    rooms = {path.parent for path in MODULES}
    counts = {source_name(room): sum(path.name != "__init__.py" for path in room.glob("*.py")) for room in rooms}
    most = {"tf3dlocal/cli": len(COMMANDS) + 3}  # a file for each command, and three that they share
    assert not {room: count for room, count in counts.items() if count > most.get(room, 13)}


def test_no_function_is_longer_than_a_page():
    """Docstrings do not count, and neither do signatures."""
    too_long = {}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
                length = node.end_lineno - body[0].lineno + 1
                if length > 60:
                    too_long[f"{source_name(path)}: {node.name}"] = length
    assert not too_long


def private_uses(tree):
    """Uses of other people's private names: modules under tensorflow.python or keras.src, and attributes `x._name`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom | ast.Import):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
            yield from (name for name in modules if name.startswith(("tensorflow.python", "keras.src")))
        elif isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            owner = getattr(node.value, "id", "")
            is_own = owner in ("self", "cls") or isinstance(node.value, ast.Call)  # super()._name
            if not is_own and node.attr not in ("_replace", "_asdict", "_fields", "_exit"):
                yield ast.unparse(node)


def test_private_names_of_keras_and_tensorflow_stand_in_one_module():
    found = {}
    for path in MODULES:
        if path.name != "keras_internals.py":
            if uses := list(private_uses(ast.parse(path.read_text(encoding="utf-8")))):
                found[source_name(path)] = uses
    assert not found


def test_the_version_is_in_the_changelog():
    assert f"## {tf3dlocal.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
