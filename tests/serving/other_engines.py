"""Give one export to other engines and compare their embeddings; `make test-engines` runs all four roles.

python tests/serving/other_engines.py write FOLDER       in the project's environment: an export, walks, embeddings
python tests/serving/other_engines.py tensorflow FOLDER  with any TensorFlow, and without this project
python tests/serving/other_engines.py openvino FOLDER    with OpenVINO
"""

import pathlib
import shutil
import sys

import numpy as np

TOLERANCE = 1e-4


def write(folder):
    """Export a small 3DLocal and store the inputs and outputs of every signature."""
    import cv2
    import tensorflow as tf

    from tf3dlocal.models import MODELS
    from tf3dlocal.serving import export

    shutil.rmtree(folder, ignore_errors=True)
    model = MODELS["three_d_local"](channels=(12, 24, 48), local_blocks=(3,), embedding_channels=64, seed=0)
    signatures = tf.saved_model.load(export(model, folder=folder)).signatures
    walks = np.random.default_rng(0).integers(0, 256, (3, 30, 64, 44), dtype=np.uint8)
    masks = np.zeros((2, 30, 120, 160), np.uint8)
    for number in range(30):
        for walk, (width, height) in enumerate([(11, 35), (21, 45)]):
            cv2.ellipse(masks[walk, number], (50 + 2 * number, 60), (width + number % 5, height), 0, 0, 360, 255, -1)
    pictures = [[cv2.imencode(".png", mask)[1].tobytes() for mask in walk] for walk in masks]
    inputs = {
        "serving_default": {"silhouettes": walks},
        "float": {"silhouettes": walks / np.float32(255)},
        "variable": {"silhouettes": walks, "num_frames": np.array([30, 12, 30], np.int32)},
        "raw": {"masks": masks},
        "png": {"frames_bytes": np.array(pictures, object)},
    }
    stored = {}
    for name, values in inputs.items():
        tensors = {key: tf.constant(value) for key, value in values.items()}
        stored[f"{name}/embedding"] = signatures[name](**tensors)["embedding"].numpy()
        stored |= {f"{name}/{key}": value for key, value in values.items() if key != "frames_bytes"}
    for walk, each in enumerate(pictures):
        stored |= {f"png/{walk}/{number}": np.frombuffer(content, np.uint8) for number, content in enumerate(each)}
    np.savez_compressed(folder / "walks.npz", **stored)


def tensorflow(folder):
    """Compare all signatures in plain TensorFlow."""
    import tensorflow as tf

    signatures = tf.saved_model.load(str(folder / "1")).signatures
    stored = np.load(folder / "walks.npz")
    for name in ("serving_default", "float", "variable", "raw", "png"):
        keys = [key for key in stored.files if key.startswith(f"{name}/") and key.count("/") == 1]
        inputs = {key.split("/")[1]: tf.constant(stored[key]) for key in keys if not key.endswith("/embedding")}
        if name == "png":
            contents = [[stored[f"png/{walk}/{number}"].tobytes() for number in range(30)] for walk in range(2)]
            inputs = {"frames_bytes": tf.constant(contents)}
        found = signatures[name](**inputs)["embedding"].numpy()
        report(f"TensorFlow {tf.__version__}, {name}", found, expected=stored[f"{name}/embedding"])


def openvino(folder):
    """Compare the signature that OpenVINO converts, `serving_default`, in float32 (its default is bfloat16)."""
    import openvino as ov

    stored = np.load(folder / "walks.npz")
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = ov.compile_model(ov.convert_model(folder / "1"), "CPU", settings)
    found = compiled([stored["serving_default/silhouettes"]])[compiled.outputs[0]]
    report(f"OpenVINO {ov.__version__}, serving_default", found, expected=stored["serving_default/embedding"])


def report(name, found, *, expected):
    """Print the largest difference, and end with an error where it is too large."""
    difference = float(np.abs(found - expected).max())
    print(f"{name}: largest difference {difference:.1e}")
    if not difference <= TOLERANCE:
        sys.exit(f"{name} gives other embeddings: {difference} > {TOLERANCE}")


if __name__ == "__main__":
    role, folder = sys.argv[1:]
    {"write": write, "tensorflow": tensorflow, "openvino": openvino}[role](pathlib.Path(folder))
