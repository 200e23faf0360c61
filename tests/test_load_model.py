"""Saved models load: by `tf3dlocal.load_model`, and by Keras itself after `import tf3dlocal`."""

import json
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest

import tf3dlocal
from tf3dlocal.models import GaitSet

IN_KERAS = "; print(keras.saving.load_model(sys.argv[1]).name)"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A .keras file of a small model."""
    file = tmp_path_factory.mktemp("saved") / "gaitset.keras"
    GaitSet(channels=(2, 4, 4), embedding_channels=4).save(file)
    return file


def rewritten(saved, folder, **replaced):
    """A copy of a .keras file with other members."""
    file = folder / "other.keras"
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            new.writestr(name, replaced.get(name.split(".")[0], old.read(name)))
    return file


def config_of(saved):
    with zipfile.ZipFile(saved) as archive:
        return json.loads(archive.read("config.json"))


@pytest.mark.parametrize("imports", ["import sys, tf3dlocal, keras", "import sys, keras, tf3dlocal"])
@pytest.mark.slow
def test_keras_loads_a_saved_model_after_the_import_of_this_package_in_either_order(imports, saved):
    command = [sys.executable, "-c", imports + IN_KERAS, str(saved)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["gaitset"]


@pytest.mark.slow
def test_load_model_needs_no_other_import(saved):
    program = "import sys, tf3dlocal; assert not {'keras', 'tensorflow'} & set(sys.modules)"
    program += "; print(tf3dlocal.load_model(sys.argv[1]).name)"
    command = [sys.executable, "-c", program, str(saved)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["gaitset"]


@pytest.mark.slow
def test_the_import_of_keras_is_as_before(saved):
    """The finder that waits for Keras removes itself, and Keras keeps its own loader."""
    program = "import sys, tf3dlocal, keras; print(type(keras.__spec__.loader).__name__, "
    program += "sum('tf3dlocal' in type(finder).__module__ for finder in sys.meta_path))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600, check=True)
    assert done.stdout.split() == ["SourceFileLoader", "0"]


def test_the_loaded_model_computes_the_same(saved):
    walks = np.random.default_rng(0).random((1, 3, 64, 44, 1), "float32")
    by_keras = keras.saving.load_model(saved, compile=False)(walks)["embedding"]
    np.testing.assert_array_equal(tf3dlocal.load_model(saved)(walks)["embedding"], by_keras)


def test_a_model_of_version_0_1_is_refused_with_the_argument_at_fault(saved, tmp_path):
    config = config_of(saved)
    layer = next(layer for layer in config["config"]["layers"] if layer["registered_name"] == "tf3dlocal>FramePooling")
    layer["config"]["form"] = "auto"
    file = rewritten(saved, tmp_path, config=json.dumps(config))
    with pytest.raises(
        ValueError, match="other.keras was written by another version .* the argument 'form'"
    ) as refused:
        tf3dlocal.load_model(file)
    assert repr(layer["name"]) in str(refused.value) and tf3dlocal.__version__ in str(refused.value)


def test_a_model_with_a_layer_that_is_gone_is_refused_with_its_class(saved, tmp_path):
    config = json.dumps(config_of(saved)).replace("tf3dlocal>FramePooling", "tf3dlocal>OldPooling")
    with pytest.raises(ValueError, match="another version .* a layer of the class 'OldPooling'"):
        tf3dlocal.load_model(rewritten(saved, tmp_path, config=config))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_truncated_file_is_one_sentence(share, saved, tmp_path):
    content = saved.read_bytes()
    (tmp_path / "cut.keras").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ValueError, match="cut.keras cannot be read: "):
        tf3dlocal.load_model(tmp_path / "cut.keras")


def test_weights_that_do_not_fit_the_config_are_one_sentence(saved, tmp_path):
    with pytest.raises(ValueError, match="other.keras cannot be read: "):
        tf3dlocal.load_model(rewritten(saved, tmp_path, model=b"no weights"))


def test_what_is_no_model_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no .*missing"):
        tf3dlocal.load_model(tmp_path / "missing")
    with pytest.raises(FileNotFoundError, match="no SavedModel in"):
        tf3dlocal.load_model(tmp_path)
    (tmp_path / "weights.pt").write_bytes(b"")
    with pytest.raises(ValueError, match=r"weights.pt is not a .keras file.*tf3dlocal convert"):
        tf3dlocal.load_model(tmp_path / "weights.pt")
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match="is not finished"):
        tf3dlocal.load_model(tmp_path / "run")
    with pytest.raises(ValueError, match="An exported model has no Keras layers"):
        tf3dlocal.load_model(tmp_path, keras_only=True)


@pytest.mark.parametrize("room", ["layers", "losses", "models"])
@pytest.mark.slow
def test_whichever_room_is_imported_first_keras_knows_the_classes_of_all(room):
    program = (
        f"import tf3dlocal.{room}, keras\n"
        "for name in ('tf3dlocal>CompactBlock', 'tf3dlocal>BatchAllTripletLoss'):\n"
        "    assert keras.saving.get_registered_object(name), name\n"
        "from tf3dlocal.models import ThreeDLocal"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
