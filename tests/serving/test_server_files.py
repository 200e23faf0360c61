"""The files that TF Serving reads: warm-up requests, batching parameters, and the configuration in deploy/."""

import json
import pathlib
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
import yaml
from google.protobuf import text_format

from tf3dlocal.serving import CARD_NAME, ExportedModel, export
from tf3dlocal.serving.server_files import BATCHING, NUM_FRAMES, WARM_UP, prediction_log, warm_up_inputs

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
FLAGS = {
    "--port=8500",
    "--rest_api_port=8501",
    "--model_config_file=/config/models.config",
    "--enable_batching=true",
    "--enable_per_model_batching_parameters=true",
    "--allow_version_labels_for_unavailable_models=true",
}


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    silhouettes = keras.Input((None, 16, 12, 1))
    pooled = keras.layers.GlobalAveragePooling3D()(silhouettes)
    model = keras.Model(silhouettes, {"embedding": keras.layers.Dense(3)(pooled)})
    return export(model, folder=tmp_path_factory.mktemp("exported") / "gait")


@pytest.mark.slow
def test_every_signature_has_one_warm_up_request_of_usual_length_that_it_answers(version):
    loaded = tf.saved_model.load(version)
    records = list(tf.data.TFRecordDataset(str(version / WARM_UP)).as_numpy_iterator())
    assert len(records) == len(loaded.signatures) == 5
    for name, record in zip(loaded.signatures, records, strict=True):
        inputs = warm_up_inputs(name, size=(16, 12))
        assert record == prediction_log(inputs, signature=name, model_name="gait")
        tensors = {key: tf.constant(tf.make_ndarray(value)) for key, value in inputs.items()}
        assert next(iter(tensors.values())).shape[1] in (NUM_FRAMES, None) or "num_frames" in tensors
        assert np.isfinite(loaded.signatures[name](**tensors)["embedding"].numpy()).all()


def test_the_requests_are_messages_of_tensorflow_serving(version):
    messages = pytest.importorskip(
        "tensorflow_serving.apis.prediction_log_pb2", reason="tensorflow-serving-api is not installed (extra: serving)"
    )
    for record in tf.data.TFRecordDataset(str(version / WARM_UP)).as_numpy_iterator():
        log = messages.PredictionLog.FromString(record)
        request = log.predict_log.request
        expected = messages.PredictionLog()
        expected.predict_log.request.model_spec.name = "gait"
        expected.predict_log.request.model_spec.signature_name = name = request.model_spec.signature_name
        for key, value in warm_up_inputs(name, size=(16, 12)).items():
            expected.predict_log.request.inputs[key].CopyFrom(value)
        assert log == expected


def test_the_files_are_small_listed_in_the_card_and_checked(version):
    card = json.loads((version / CARD_NAME).read_text())
    assert {WARM_UP, BATCHING} <= set(card["sha256"])
    assert (version / WARM_UP).stat().st_size < 20_000
    content = (version / BATCHING).read_text()
    try:
        (version / BATCHING).write_text(content + "max_batch_size { value: 9 }\n")
        with pytest.raises(ValueError, match="its checksum is not the one"):
            ExportedModel(version)
    finally:
        (version / BATCHING).write_text(content)


def test_the_length_of_a_field_of_many_bytes_is_written_in_groups_of_seven_bits():
    log = prediction_log(
        {"x": tf.make_tensor_proto(np.zeros(200_000, np.uint8) + np.arange(2).repeat(100_000))},
        signature="s",
        model_name="m",
    )
    assert len(log) > 200_000 and log[0] == 6 * 8 + 2


def test_the_model_config_names_a_version_that_exists_and_both_labels():
    text = re.sub("#.*", "", (DEPLOY / "models.config").read_text())
    folder = re.search(r'base_path: "/models/(\w+)"', text)[1]
    versions = re.findall(r"versions: (\d+)", text)
    for version in versions:
        name = ROOT / "saved_models" / folder / version / "batching_params.pbtxt"
        assert name.is_file(), f"{name} is asked for by compose.yaml"
    labels = dict(re.findall(r'key: "(\w+)" value: (\d+)', text))
    assert set(labels) == {"stable", "canary"} and set(labels.values()) <= set(versions)
    config = pytest.importorskip("tensorflow_serving.config.model_server_config_pb2").ModelServerConfig()
    text_format.Parse(text, config)
    (model,) = config.model_config_list.config
    assert {label: str(version) for label, version in model.version_labels.items()} == labels


def test_compose_and_kubernetes_start_the_same_server():
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["walkers"]
    manifest = list(yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text()))
    (container,) = manifest[1]["spec"]["template"]["spec"]["containers"]
    assert service["command"] == container["args"] and set(service["command"]) >= FLAGS
    assert service["image"] == container["image"]
    assert service["healthcheck"]["test"][1:] == container["readinessProbe"]["exec"]["command"]
    assert """grep -q '"state": "AVAILABLE"'""" in service["healthcheck"]["test"][-1]  # and not UNAVAILABLE
    assert service["deploy"]["resources"]["limits"] and container["resources"]["limits"]
    assert {port["port"] for port in manifest[2]["spec"]["ports"]} == {8500, 8501}
    for volume in service["volumes"]:
        assert (DEPLOY / volume.split(":")[0]).is_dir()


def test_the_pod_waits_until_the_model_lies_where_the_config_looks_for_it():
    text = (DEPLOY / "kubernetes.yaml").read_text()
    pod = list(yaml.safe_load_all(text))[1]["spec"]["template"]["spec"]
    (copy,), (serving,) = pod["initContainers"], pod["containers"]
    assert copy["image"] == serving["image"], "a second image would be downloaded"
    (mount,) = copy["volumeMounts"]
    assert {**mount, "readOnly": True} in serving["volumeMounts"]
    base_path = re.search(r'base_path: "(.*?)"', (DEPLOY / "models.config").read_text())[1]
    assert f"kubectl cp saved_models/{base_path.removeprefix('/models/')} $pod:{base_path} --container copy" in text
    marker = re.search(r"--container copy -- touch (\S+)", text)[1]
    assert marker in copy["command"][-1] and marker.startswith(mount["mountPath"])
