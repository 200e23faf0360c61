"""What pip installs: every file and library that the package needs, and nothing else."""

import ast
import configparser
import hashlib
import importlib.metadata
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import pytest
import yaml

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
    """A wheel that is built without network from a copy of the files that git tracks."""
    source = tmp_path_factory.mktemp("source")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(PACKAGE, source / "tf3dlocal", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-c", "import setuptools; setuptools.setup()", "--quiet", "bdist_wheel"]
    subprocess.run(command, check=True, cwd=source, capture_output=True, timeout=240)
    (built,) = (source / "dist").glob("*.whl")
    return built


def requirements(metadata, section="options", key="install_requires"):
    lines = [line.strip() for line in metadata[section][key].splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    return dict(re.match(r"([\w.-]+)(.*)", line).groups() for line in lines)


def test_every_file_of_the_package_is_in_the_wheel_and_nothing_else(wheel):
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    wanted = {path.relative_to(ROOT).as_posix() for path in PACKAGE.rglob("*") if path.is_file()}
    wanted = {name for name in wanted if "__pycache__" not in name}
    assert wanted - inside == set(), (
        "add them to [options.package_data] in setup.cfg, or add an __init__.py to their folder"
    )
    assert inside - wanted == set()


def test_the_wheel_carries_the_licence_and_says_that_it_has_type_hints(wheel):
    archive = zipfile.ZipFile(wheel)
    (licence,) = [name for name in archive.namelist() if name.endswith("/LICENSE")]
    assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()
    assert "tf3dlocal/py.typed" in archive.namelist()


def test_the_licence_is_the_complete_official_text():
    text = (ROOT / "LICENSE").read_bytes()
    assert hashlib.md5(text).hexdigest() == "3b83ef96387f14655fc854ddc3c6bd57"  # apache.org/licenses/LICENSE-2.0.txt


def test_the_command_runs_from_the_wheel_alone(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import tf3dlocal.cli as c; print(c.__file__); c.main()"
    )
    command = [sys.executable, "-I", "-c", program, "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path))


# Libraries of an extra: one file of one package may import them, and its message says how to install them.
OPTIONAL = {"torch": "pytorch_weights", "tensorflow_serving": "serving", "grpc": "serving", "faiss": "serving"}


def test_every_library_that_the_package_imports_is_required(metadata):
    required = {IMPORT_NAMES.get(name, name) for name in requirements(metadata)}
    importers = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = {node.module.split(".")[0]}
            else:
                continue
            for name in names:
                importers.setdefault(name, set()).add(path.relative_to(PACKAGE))
    for name, package in OPTIONAL.items():
        (importer,) = importers.pop(name)
        assert importer.parts[0] == package
    missing = set(importers) - required - set(sys.stdlib_module_names) - {"tf3dlocal"}
    assert not missing, "name them under install_requires in setup.cfg"


def test_every_requirement_has_a_floor_and_a_ceiling(metadata):
    loose = [name for name, bounds in requirements(metadata).items() if ">=" not in bounds or "<" not in bounds]
    assert not loose


def test_metadata_changelog_and_citation_agree_on_the_version(metadata):
    (version,) = re.findall(r'^__version__ = "(\d+\.\d+\.\d+)"$', (PACKAGE / "__init__.py").read_text(), re.MULTILINE)
    assert metadata["metadata"]["version"] == "attr: tf3dlocal.__version__"
    assert re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0] == version
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == version


def test_metadata_and_citation_name_the_same_licence(metadata):
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert metadata["metadata"]["license"] == citation["license"] == "Apache-2.0"
    paper = citation["preferred-citation"]
    assert [author["family-names"] for author in paper["authors"]] == "Huang Xue Shen Tian Li Huang Hua".split()
    assert (paper["year"], paper["start"], paper["end"]) == (2021, 14920, 14929)


def test_the_tests_start_with_ruff_in_a_pinned_range(metadata):
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^test: lint$", makefile, re.MULTILINE) and re.search(
        r"^test-quick: lint$", makefile, re.MULTILINE
    )
    bounds = requirements(metadata, "options.extras_require", "test")["ruff"]
    assert ">=" in bounds and "<" in bounds


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
