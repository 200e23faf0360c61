"""The folders are stations that know nothing of their neighbours; here that is checked on the imports themselves."""

import ast
import pathlib
import subprocess
import sys
import tomllib

import pytest

PACKAGE = pathlib.Path(__file__).resolve().parents[1] / "tf3dlocal"

# What each station may import of ours beside itself. `tf3dlocal` alone means the package's version and nothing more.
MAY_IMPORT = {
    "layers": set(),
    "losses": set(),
    "data": set(),
    "evaluation": set(),
    "visualization": set(),
    "config": set(),
    "models": {"layers"},
    "training": {"config", "data", "freed_memory", "layers.forms", "models", "losses", "evaluation", "onednn"},
    "checkpoints": {"models"},
    "serving": {"data.silhouettes", "data.frames", "data.raw_sequences", "evaluation"},
    "comparison": {"config", "data", "evaluation", "models", "open_model", "training", "visualization"},
    "cli": {"*"},
    "console": {"freed_memory"},
    "freed_memory": set(),
    "onednn": set(),
    "open_model": {"*"},
    "demo": {"*"},
    "__init__": {"onednn"},
    "__main__": {"cli"},
}
MAY_USE_TENSORFLOW = {
    "data",
    "training",
    "comparison",
    "serving",
    "cli",
    "console",
    "onednn",
    "open_model",
    "demo",
}
TENSORFLOW_BEHIND = {
    "layers/dropout.py",
    "layers/forms.py",
    "layers/volume_convolution.py",
    "losses/gather_batch.py",
    "losses/sorted_negatives.py",
    "evaluation/embedding.py",
}


def modules():
    return sorted(PACKAGE.rglob("*.py"))


def station_of(path):
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


def forbidden(station, name):
    """Whether a file of `station` must not import the dotted name `name`."""
    if name.split(".")[0] != PACKAGE.name:
        return False
    inside = name.split(".")[1:]
    if not inside or inside[0].startswith("__") or inside[0] == station:
        return False
    allowed = MAY_IMPORT[station]
    return not ("*" in allowed or inside[0] in allowed or ".".join(inside[:2]) in allowed)


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_go_one_way(path):
    station = station_of(path)
    assert station in MAY_IMPORT, f"{path}: a new station; say in this test's table what it may import"
    wrong = sorted(name for name in imported_names(path) if forbidden(station, name))
    assert not wrong, (
        f"{path.relative_to(PACKAGE.parent)} belongs to '{station}' and must not import {', '.join(wrong)}"
    )


@pytest.mark.parametrize(
    ("station", "name", "expected"),
    [
        ("layers", "tf3dlocal.models.three_d_local", True),
        ("layers", "tf3dlocal.layers.location", False),
        ("models", "tf3dlocal.layers", False),
        ("serving", "tf3dlocal.data.silhouettes.align_silhouette", False),
        ("serving", "tf3dlocal.data.tfrecords", True),
        ("serving", "tf3dlocal.__version__", False),
        ("cli", "tf3dlocal.training", False),
        ("data", "keras.layers", False),
    ],
)
def test_the_rule_itself_tells_right_from_wrong(station, name, expected):
    assert forbidden(station, name) is expected


def test_a_relative_import_is_seen_through(tmp_path):
    file = tmp_path / "layers" / "nosy.py"
    file.parent.mkdir()
    file.write_text("def late():\n    from ..models import three_d_local\n    from . import location\n")
    assert list(imported_names(file, package=tmp_path)) == [
        f"{tmp_path.name}.models.three_d_local",
        f"{tmp_path.name}.layers.location",
    ]


def test_tensorflow_stands_behind_few_named_functions_outside_its_stations():
    """Layers, losses and models speak `keras.ops`; where a measured gain or a device needs TensorFlow, one file has it."""
    found = set()
    for path in modules():
        if station_of(path) in MAY_USE_TENSORFLOW:
            continue
        if any(name.split(".")[0] == "tensorflow" for name in imported_names(path)):
            found.add(path.relative_to(PACKAGE).as_posix())
    assert found <= TENSORFLOW_BEHIND


def test_the_command_line_starts_without_tensorflow():
    program = (
        "import sys, tf3dlocal.cli; heavy = {'tensorflow', 'keras', 'cv2', 'matplotlib', 'sklearn'} & set(sys.modules)"
    )
    program += "; sys.exit(f'imported at start: {sorted(heavy)}' if heavy else 0)"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=600)


def test_no_file_is_longer_than_a_person_reads_at_once():
    too_long = {path.name: n for path in modules() if (n := len(path.read_text().splitlines())) > 300}
    assert not too_long


def test_pyproject_holds_the_build_system_only():
    text = (PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert set(tomllib.loads(text)) == {"build-system"}
