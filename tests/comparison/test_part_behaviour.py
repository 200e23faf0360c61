"""What the parts do: their numbers by view, and the share of their variance that the view explains."""

import json

import keras
import numpy as np
import pytest

from tf3dlocal.cli import main
from tf3dlocal.comparison import measure_parts
from tf3dlocal.layers import LocalPath
from tf3dlocal.models import PART_NUMBERS, GaitSet, ThreeDLocal, part_numbers, prior_numbers

OPTIONS = {
    "channels": (2, 2, 4),
    "parts": [["head", 0.25, 0.3, 0.5, 0.5, 0.1, 0.5], ["legs", 0.4, 0.6, 1, 0.5, 0.8, 0.25]],
    "num_strips": 4,
    "embedding_channels": 3,
    "seed": 0,
}


def located_at_will(**options):
    """A model whose raw numbers are given: fc6 has weights of zero and a bias."""
    model = ThreeDLocal(**OPTIONS, **options)
    for layer in model.layers:
        if isinstance(layer, LocalPath):
            layer.localization.fc6.kernel.assign(np.zeros(layer.localization.fc6.kernel.shape))
    return model


@pytest.mark.parametrize("frames", [5, 12])
@pytest.mark.parametrize("options", [{}, {"per_frame": True}, {"geometry": "release", "sampler": "gaussian"}], ids=str)
def test_on_the_priors_the_numbers_of_a_part_are_those_of_its_prior(options, frames):
    model = located_at_will(local_blocks=(2, 3), **options)
    found = part_numbers(model)(np.zeros((2, frames, 64, 44, 1), "float32"))
    assert list(found) == ["block_2", "block_3"]
    for name, height, width, length, *center in OPTIONS["parts"]:
        numbers = dict(zip(PART_NUMBERS, found["block_3"][name].numpy().T))
        centers = [numbers["center_x"], numbers["center_y"], numbers["center_t"]]
        np.testing.assert_allclose(centers, np.repeat(np.array(center)[:, None], 2, axis=1), rtol=1e-5)
        np.testing.assert_allclose(numbers["width"], width, rtol=1e-5)
        np.testing.assert_allclose(numbers["height"], height, rtol=0.1 if "geometry" in options else 1e-5)  # whole rows
        np.testing.assert_allclose(numbers["length"], length, rtol=1e-5)
        np.testing.assert_allclose(numbers["confidence"], 0.5, rtol=1e-5)
        np.testing.assert_allclose(prior_numbers(model)["block_3"][name], found["block_3"][name][0], rtol=1e-5)


class Walks:
    """Walks of one number each, the brightness of their silhouettes; seen from 0 and from 90 degrees."""

    def __init__(self, brightness, degrees):
        self.brightness, self.view_degrees = brightness, np.asarray(degrees)
        self.num_frames = np.full(len(degrees), 4)

    def read(self, i):
        silhouettes = np.full((4, 64, 44), self.brightness[i], "uint8")
        return type("Walk", (), {"silhouettes": silhouettes})


@pytest.fixture
def by_brightness(monkeypatch):
    """A model whose "parts" have the brightness of the walk as every number, and a constant."""

    def numbers_of(silhouettes):
        mean = keras.ops.mean(silhouettes, axis=(1, 2, 3, 4)) * 255
        return {"block_3": {"head": keras.ops.stack([mean, 0 * mean + 7.0], axis=1)}}

    priors = {"block_3": {"head": np.zeros(2, "float32")}}
    monkeypatch.setattr("tf3dlocal.comparison.part_behaviour.part_numbers", lambda model: numbers_of)
    monkeypatch.setattr("tf3dlocal.comparison.part_behaviour.prior_numbers", lambda model: priors)
    return keras.Sequential([keras.Input((None, 64, 44, 1)), keras.layers.Flatten()])


def test_mean_deviation_and_the_share_that_the_view_explains_are_those_of_the_formula(by_brightness):
    """Views 0: 10, 30; view 90: 50, 70. Between the views 400, in all 500: 80 %."""
    found = measure_parts(by_brightness, walks=Walks([10, 50, 30, 70], [0, 90, 0, 90]), progress=False)
    assert found.parts == ("block_3 head",) and found.views == (0, 90) and found.num_walks == (2, 2)
    np.testing.assert_allclose(found.mean[0, :, 0], [20, 60], rtol=1e-5)
    np.testing.assert_allclose(found.deviation[0, :, 0], [10, 10], rtol=1e-5)
    np.testing.assert_allclose(found.explained[0, 0], 0.8, rtol=1e-4)
    assert np.isnan(found.explained[0, 1])  # it never varies


def test_a_number_that_follows_the_view_alone_is_explained_and_one_that_ignores_it_is_not(by_brightness):
    degrees = [0, 0, 90, 90]
    follows = measure_parts(by_brightness, walks=Walks([10, 10, 50, 50], degrees), progress=False)
    ignores = measure_parts(by_brightness, walks=Walks([10, 50, 10, 50], degrees), progress=False)
    np.testing.assert_allclose([follows.explained[0, 0], ignores.explained[0, 0]], [1, 0], atol=1e-5)


def test_a_model_without_parts_is_refused(small_walks):
    model = GaitSet(channels=(2, 2, 2), bins=(1,), embedding_channels=2)
    with pytest.raises(ValueError, match="has no local paths"):
        measure_parts(model, walks=small_walks, progress=False)


@pytest.mark.bad_input
def test_a_model_that_has_diverged_is_named_with_its_block_and_part(small_walks_folder, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    model = located_at_will(local_blocks=(3,))
    model.get_layer("block_3_legs").localization.fc6.bias.assign([np.nan] * 8)
    model.save("broken.keras")
    with pytest.raises(SystemExit) as ended:
        main(["parts", "broken.keras", "--data", str(small_walks_folder)])
    told = " ".join(capfd.readouterr().err.split())
    assert ended.value.code == 1 and not (tmp_path / "parts").exists()
    assert "broken.keras: The location of block_3 legs is not finite: the model has diverged." in told


@pytest.mark.slow
def test_the_command_draws_the_parts_by_view_and_over_the_checkpoints(small_walks_folder, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    for name, bias in (("checkpoints/step-000010", 0.1), ("checkpoints/step-000020", 0.2), ("model", 0.2)):
        model = located_at_will(local_blocks=(3,))
        model.get_layer("block_3_legs").localization.fc6.bias.assign([bias] * 8)
        model.save(tmp_path / "run" / f"{name}.keras")
    line = f"parts run --data {small_walks_folder} --conditions cl-01 --json numbers.json --out pictures"
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    out = " ".join(capfd.readouterr().out.split())
    assert not ended.value.code
    assert "block_3 legs: the view explains of nothing: it never moves" in out
    assert (tmp_path / "pictures" / "parts_by_view.png").stat().st_size > 10_000
    assert (tmp_path / "pictures" / "parts_by_step.png").stat().st_size > 10_000
    numbers = json.loads((tmp_path / "numbers.json").read_text())
    assert numbers["views"] == [0, 90, 180] and numbers["num_walks"] == [4, 4, 4]
    assert numbers["parts"]["block_3 head"]["center_x"]["explained"] is None
    np.testing.assert_allclose(numbers["parts"]["block_3 head"]["center_x"]["mean"], 0.5, rtol=1e-5)
