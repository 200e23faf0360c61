"""A path may begin with the home folder."""

import pathlib

import pytest

from tf3dlocal.io import user_path


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("~/a", "/home/ann/a"),
        ("~", "/home/ann"),
        ("a/~/b", "a/~/b"),
        ("~nobody-of-this-name/a", "~nobody-of-this-name/a"),
        (pathlib.Path("~/a"), "/home/ann/a"),
        (".", "."),
    ],
)
def test_a_leading_tilde_is_the_home_folder(typed, meant, monkeypatch):
    monkeypatch.setenv("HOME", "/home/ann")
    assert str(user_path(typed)) == meant


@pytest.mark.bad_input
def test_an_empty_path_is_refused_because_it_would_mean_the_working_folder():
    with pytest.raises(ValueError, match="A path is empty"):
        user_path("")
