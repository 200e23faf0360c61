"""Rooms import one way and through their package roots only; this is checked on the imports themselves."""

import ast
import pathlib
import subprocess
import sys
import tomllib

import pytest

PACKAGE = pathlib.Path(__file__).resolve().parents[1] / "tf3dlocal"

# Rooms by level; a room may import those of the levels given, through their package root only.
MAY_IMPORT = {
    "io": set(),
    "layers": {"io"},
    "losses": {"io"},
    "data": {"io"},
    "evaluation": {"io"},
    "visualization": {"io"},
    "config": {"io"},
    "models": {"io", "layers"},
    "training": {"io", "config", "data", "evaluation", "layers", "load_model", "losses", "models", "visualization"},
    "pytorch_weights": {"io", "models"},
    "serving": {"io", "data", "evaluation"},
    "comparison": {"io", "config", "data", "evaluation", "load_model", "models", "training", "visualization"},
    "supplement": {
        "io",
        "config",
        "data",
        "evaluation",
        "layers",
        "load_model",
        "models",
        "training",
        "visualization",
    },  # fmt: skip
    "load_model": {"*"},
    "demo": {"*"},
    "quiet": {"cli"},
    "cli": {"*"},
    "__init__": {"io", "load_model"},
    "__main__": {"cli"},
}
# Modules that other rooms import by their own path, each with the reason.
OPEN_MODULES = {
    "tf3dlocal.io.types": "names for type hints",
    "tf3dlocal.io.machine": "the light top level imports nothing else",
    "tf3dlocal.data.walkers": "a separate package within data",
    "tf3dlocal.serving.gallery": "a separate package within serving",
    "tf3dlocal.cli.console": "the demo and notebooks start TensorFlow as the command line does",
}
MAY_USE_TENSORFLOW = {"cli", "comparison", "data", "demo", "io", "load_model", "serving", "training"}
# Elsewhere `keras.ops` serves; where a measured gain or a device needs TensorFlow, one small named function has it.
TENSORFLOW_IN = {
    "layers/convolution/leaky_relu.py",
    "layers/convolution/volume_convolution.py",
    "layers/local/normalized_max_pooling.py",
    "layers/replicas.py",
    "layers/sampling/filters.py",
    "losses/class_labels.py",
    "losses/distances.py",
    "losses/triplet_loss.py",
    "evaluation/embedding.py",
    "evaluation/score_events.py",
}


def modules():
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_names(path, package=PACKAGE):
    """The full dotted names that a file imports, with relative imports resolved, wherever in the file they stand."""
    parts = (package.name, *path.relative_to(package).with_suffix("").parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(parts[: len(parts) - node.level]) if node.level else ""
            origin = ".".join(filter(None, (base, node.module)))
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def forbidden(room, name):
    """Whether a file of `room` must not import the dotted name `name`."""
    top, *inside = name.split(".")
    if top != PACKAGE.name or not inside or inside[0].startswith("__") or inside[0] == room:
        return False
    if "*" not in MAY_IMPORT[room] and inside[0] not in MAY_IMPORT[room]:
        return True
    is_open = any(name == module or name.startswith(f"{module}.") for module in OPEN_MODULES)
    return len(inside) > 2 and not is_open


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_go_one_way(path):
    room = room_of(path)
    assert room in MAY_IMPORT, f"{path}: a new room; add to this test's table what it may import"
    wrong = sorted(name for name in imported_names(path) if forbidden(room, name))
    assert not wrong, f"{path.relative_to(PACKAGE.parent)} belongs to {room!r} and must not import {', '.join(wrong)}"


@pytest.mark.parametrize(
    ("room", "name", "expected"),
    [
        ("layers", "tf3dlocal.models.ThreeDLocal", True),
        ("layers", "tf3dlocal.layers.local.location.Location", False),
        ("models", "tf3dlocal.layers", False),
        ("models", "tf3dlocal.layers.LocalPath", False),
        ("models", "tf3dlocal.layers.local.local_path.LocalPath", True),
        ("data", "tf3dlocal.io.types.PathLike", False),
        ("cli", "tf3dlocal.data.walkers.write_walkers", False),
        ("cli", "tf3dlocal.training", False),
        ("cli", "tf3dlocal.training.run.run_folder.RunFolder", True),
        ("serving", "tf3dlocal.__version__", False),
        ("data", "keras.layers", False),
    ],
)
def test_the_rule_itself_tells_right_from_wrong(room, name, expected):
    assert forbidden(room, name) is expected


def test_a_relative_import_is_seen_through(tmp_path):
    file = tmp_path / "layers" / "nosy.py"
    file.parent.mkdir()
    file.write_text("def late():\n    from ..models import three_d_local\n    from . import location\n")
    assert list(imported_names(file, package=tmp_path)) == [
        f"{tmp_path.name}.models.three_d_local",
        f"{tmp_path.name}.layers.location",
    ]


def test_layers_losses_and_models_use_tensorflow_in_few_named_functions():
    found = set()
    for path in modules():
        if room_of(path) in MAY_USE_TENSORFLOW:
            continue
        if any(name.split(".")[0] == "tensorflow" for name in imported_names(path)):
            found.add(path.relative_to(PACKAGE).as_posix())
    assert found <= TENSORFLOW_IN


def test_the_command_line_starts_without_tensorflow():
    program = (
        "import sys, tf3dlocal.cli; heavy = {'tensorflow', 'keras', 'cv2', 'matplotlib', 'sklearn'} & set(sys.modules)"
    )
    program += "; sys.exit(f'imported at start: {sorted(heavy)}' if heavy else 0)"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=600)


def test_pyproject_holds_the_build_system_only():
    text = (PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert set(tomllib.loads(text)) == {"build-system"}
