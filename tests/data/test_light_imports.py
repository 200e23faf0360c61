"""What must not be imported where it is not used: a help text must not wait for TensorFlow."""

import subprocess
import sys

import pytest

HEAVY = (
    "tensorflow",
    "keras",
    "cv2",
    "sklearn",
    "scipy",
    "matplotlib",
    "pandas",
    "pydantic",
    "yaml",
    "typer",
    "tensorboard",
)


@pytest.mark.parametrize(
    "package, may",
    [
        ("tf3dlocal", ()),
        ("tf3dlocal.data", ()),
        ("tf3dlocal.data.records.open_walks", ("cv2",)),
        ("tf3dlocal.data.preparation.prepare", ("cv2",)),
        ("tf3dlocal.evaluation", ("pydantic", "yaml")),
        ("tf3dlocal.config", ("pydantic", "yaml")),
        ("tf3dlocal.cli", ("typer",)),
    ],
)
def test_a_package_imports_no_heavy_library_that_it_does_not_need(package, may):
    program = f"import sys, {package}; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) <= set(may)


@pytest.mark.slow
def test_after_tensorflow_no_plotting_and_no_learning_library_is_imported():
    """Keras itself imports some of them: what counts is what this package adds."""
    program = (
        "import importlib, sys, tensorflow, keras; before = set(sys.modules)\n"
        "for room in ('models', 'data', 'evaluation', 'training', 'serving'):\n"
        "    room = importlib.import_module(f'tf3dlocal.{room}')\n"
        "    [getattr(room, name) for name in getattr(room, '__all__', ())]\n"
        "added = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted({'sklearn', 'scipy', 'matplotlib', 'pandas', 'torch'} & added))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_every_public_name_of_data_has_a_home():
    import tf3dlocal.data as data

    functions = [name for name in data.__all__ if not name.isupper()]
    assert [name for name in functions if getattr(data, name).__name__ != name] == []
    assert all(hasattr(data, name) for name in data.__all__)
    assert sorted(data.__all__) == data.__all__ == list(data._HOME)
