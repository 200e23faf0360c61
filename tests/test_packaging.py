"""What pip installs: everything that the package reads, nothing that it does not, and every library that it imports."""

import ast
import configparser
import importlib.metadata
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "tf3dlocal"
IMPORT_NAMES = {"opencv-python-headless": "cv2", "protobuf": "google", "PyYAML": "yaml", "scikit-learn": "sklearn"}


@pytest.fixture(scope="module")
def metadata():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    return config


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel built from a copy of what git tracks or would track, without any network."""
    source = tmp_path_factory.mktemp("source")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, source)
    shutil.copytree(PACKAGE, source / "tf3dlocal", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-c", "import setuptools; setuptools.setup()", "--quiet", "bdist_wheel"]
    subprocess.run(command, check=True, cwd=source, capture_output=True, timeout=240)
    (built,) = (source / "dist").glob("*.whl")
    return built


def requirements(metadata, section="options", key="install_requires"):
    lines = filter(None, (line.strip() for line in metadata[section][key].splitlines()))
    return dict(re.match(r"([\w.-]+)(.*)", line).groups() for line in lines)


def test_every_file_of_the_package_is_in_the_wheel_and_nothing_else(wheel):
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    wanted = {path.relative_to(ROOT).as_posix() for path in PACKAGE.rglob("*") if path.is_file()}
    wanted = {name for name in wanted if "__pycache__" not in name}
    assert wanted - inside == set(), "add them to [options.package_data] in setup.cfg, or an __init__.py beside them"
    assert inside - wanted == set()


def test_the_command_answers_out_of_the_wheel_alone(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import tf3dlocal.cli as c; print(c.__file__); c.main()"
    )
    command = [sys.executable, "-I", "-c", program, "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path))


# Libraries behind an extra of their own: one file may import them, and it says how to install them.
OPTIONAL = {"checkpoints/pytorch.py": {"torch"}}


def test_every_library_that_the_package_imports_is_required(metadata):
    required = {IMPORT_NAMES.get(name, name) for name in requirements(metadata)}
    imported = set()
    for path in PACKAGE.rglob("*.py"):
        optional = OPTIONAL.get(path.relative_to(PACKAGE).as_posix(), set())
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names} - optional
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported |= {node.module.split(".")[0]} - optional
    missing = imported - required - set(sys.stdlib_module_names) - {"tf3dlocal"}
    assert not missing, "name them under install_requires in setup.cfg"


def test_every_requirement_has_a_floor_and_a_ceiling(metadata):
    loose = [name for name, bounds in requirements(metadata).items() if ">=" not in bounds or "<" not in bounds]
    assert not loose


def test_the_version_is_written_in_one_place_only(metadata):
    assert metadata["metadata"]["version"] == "attr: tf3dlocal.__version__"
    assert re.search(r'^__version__ = "\d+\.\d+\.\d+"$', (PACKAGE / "__init__.py").read_text(), re.MULTILINE)


def test_the_installed_command_points_at_the_command_line():
    (entry,) = (e for e in importlib.metadata.entry_points(group="console_scripts") if e.name == "tf3dlocal")
    assert entry.value == "tf3dlocal.cli:main"
    assert callable(entry.load())


def test_the_pythons_of_the_metadata_are_those_of_the_makefile(metadata):
    classifiers = metadata["metadata"]["classifiers"]
    versions = re.findall(r"Python :: (3\.\d+)", classifiers)
    assert versions == ["3.11", "3.12", "3.13"]
    assert metadata["options"]["python_requires"] == ">=3.11,<3.14"
    assert f"  {'|'.join(versions)})" in (ROOT / "Makefile").read_text()


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(
    ("python", "message"), [("no-such-python", "cannot run"), ("tests/old-python", "is Python 3.9")]
)
def test_make_says_which_python_it_needs(python, message, tmp_path):
    if python.startswith("tests/"):
        python = tmp_path / "python3.9"
        python.write_text("#!/bin/sh\necho 3.9\n")
        python.chmod(0o755)
    command = ["make", "test", f"PYTHON={python}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode != 0
    assert message in done.stderr
    assert "3.11, 3.12 or 3.13" in done.stderr


def test_the_check_of_every_change_is_make_test():
    script = ROOT / ".ci" / "run"
    lines = [
        line for line in script.read_text().splitlines() if line and not line.startswith(("#", "export", "cd", "set"))
    ]
    assert lines == ["exec make test"]
    assert script.stat().st_mode & 0o111
