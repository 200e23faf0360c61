"""What must not be imported where it is not used: a help text that waits for TensorFlow is a slow one."""

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
        ("tf3dlocal.data.walk_dataset", ("cv2",)),
        ("tf3dlocal.data.prepare", ("cv2",)),
        ("tf3dlocal.evaluation", ("pydantic", "yaml")),
        ("tf3dlocal.config", ("pydantic", "yaml")),
        ("tf3dlocal.cli", ("typer",)),
    ],
)
def test_a_package_brings_no_heavy_library_that_it_does_not_need(package, may):
    program = f"import sys, {package}; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) <= set(may)


def test_beside_tensorflow_no_plotting_and_no_learning_library_is_added():
    """Keras itself brings some of them: what counts is what we add."""
    program = (
        "import sys, tensorflow, keras; before = set(sys.modules);"
        "import tf3dlocal.models, tf3dlocal.data.pipeline, tf3dlocal.evaluation, tf3dlocal.training, tf3dlocal.serving;"
        "added = {name.split('.')[0] for name in set(sys.modules) - before};"
        "print(*sorted({'sklearn', 'scipy', 'matplotlib', 'pandas', 'torch'} & added))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
