import pytest
import yaml

from tf3dlocal.evaluation.plain_yaml import read_plain_yaml


def test_numbers_with_leading_zeros_stay_text():
    assert read_plain_yaml("[001, 010, 036, 08, 0, 10, -3]") == ["001", "010", "036", "08", 0, 10, -3]


def test_norway_and_switches_stay_text():
    assert read_plain_yaml("[NO, on, yes, true, false, null, 1.5]") == ["NO", "on", "yes", True, False, None, 1.5]


def test_a_key_twice_is_an_error_with_its_line():
    with pytest.raises(yaml.YAMLError, match="(?s)'gallery' stands twice.*line 2"):
        read_plain_yaml("gallery: [a]\ngallery: [b]\n")


def test_a_tag_that_would_build_an_object_is_refused():
    with pytest.raises(yaml.YAMLError):
        read_plain_yaml("!!python/object/apply:os.getcwd []")
