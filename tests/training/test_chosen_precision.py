"""training.precision: auto, which the machine decides once for each training."""

import pytest
from tiny_gait import CONFIG

from tf3dlocal.config import ConfigError, Experiment
from tf3dlocal.evaluation.model_precision import precision_of
from tf3dlocal.training import RunFolder, build_model, choose_precision, note_of

FAST, PLAIN = ("mixed_bfloat16", "it is fast"), ("float32", "it is plain")
AUTO = Experiment.from_text(CONFIG, overrides=["training.precision=auto"])


@pytest.fixture
def this_machine(monkeypatch):
    """Function that sets what the machine computes fast."""

    def be(found):
        for module in ("precision", "model_setup"):
            monkeypatch.setattr(f"tf3dlocal.training.{module}.fast_precision", lambda: found)

    return be


class Others:
    """Two workers of which the other one does, or does not, compute bfloat16 fast."""

    def __init__(self, other_is_fast):
        self.other_is_fast = other_is_fast

    def all_agree(self, holds):
        return holds and self.other_is_fast


@pytest.mark.parametrize("found", [FAST, PLAIN])
def test_a_new_training_takes_the_fast_precision_and_says_why(this_machine, tmp_path, found):
    this_machine(found)
    config, sentence = choose_precision(AUTO, run=RunFolder(tmp_path))
    assert config.differences(AUTO) == {"training.precision": (found[0], "auto")}
    assert sentence == f"Precision: {found[0]}, since {found[1]}."


def test_a_config_that_names_a_precision_has_it_without_a_word(this_machine, tmp_path):
    this_machine(FAST)
    for precision in ("float32", "mixed_float16", "mixed_bfloat16"):
        config = Experiment.from_text(CONFIG, overrides=[f"training.precision={precision}"])
        assert choose_precision(config, run=RunFolder(tmp_path)) == (config, None)


@pytest.mark.parametrize(("other", "precision"), [(True, "mixed_bfloat16"), (False, "float32")])
def test_all_workers_must_compute_bfloat16_fast(this_machine, tmp_path, other, precision):
    this_machine(FAST)
    config, sentence = choose_precision(AUTO, run=RunFolder(tmp_path), workers=Others(other))
    assert config.training.precision == precision
    assert other or sentence == "Precision: float32, since not all workers compute bfloat16 fast."


@pytest.mark.usefixtures("tiny_model_by_name")
@pytest.mark.parametrize("found", [FAST, PLAIN])
def test_a_model_of_the_config_alone_has_it_too(this_machine, found):
    this_machine(found)
    assert precision_of(build_model(AUTO, num_classes=3, size=64)) == found[0]


@pytest.mark.slow
def test_a_training_keeps_the_precision_that_it_began_with_on_any_machine(train, this_machine, tmp_path):
    this_machine(FAST)
    run = RunFolder(tmp_path)
    assert precision_of(train(run.path, "training.precision=auto", "training.steps=2")) == "mixed_bfloat16"
    assert run.text_log.read_text().splitlines()[1] == "Precision: mixed_bfloat16, since it is fast."
    assert run.begun().training.precision == "mixed_bfloat16"

    this_machine(PLAIN)
    resumed = train(run.path, "training.precision=auto", "training.steps=4")
    assert precision_of(resumed) == "mixed_bfloat16" and note_of(run.model_file)["step"] == 4
    told = run.text_log.read_text()
    assert f"Precision: mixed_bfloat16, in which the training in {run.path} began. The fast one here is float32" in told
    assert run.begun().training.precision == "mixed_bfloat16"
    with pytest.raises(ConfigError, match=r"training.precision: 'mixed_bfloat16' in the folder, 'float32' now"):
        train(run.path, "training.precision=float32", "training.steps=4")
