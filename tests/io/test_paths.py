"""A path may begin with the home folder."""

import pathlib

import pytest

from tf3dlocal.io import check_apart, check_writable, user_path


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


@pytest.mark.bad_input
@pytest.mark.parametrize("inside", ["", "/a.json"])
def test_a_link_that_leads_to_itself_is_named(inside, tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "other")
    (tmp_path / "other").symlink_to(tmp_path / "loop")
    place = f"{tmp_path / 'loop'}{inside}"
    for call in (
        lambda: user_path(place),
        lambda: check_apart(place, source=tmp_path, what="the data"),
        lambda: check_apart(tmp_path, source=place, what="the data"),
        lambda: check_writable(place),
        lambda: check_writable(place, kind="file"),
    ):
        with pytest.raises(OSError, match="is a link that leads to itself, or lies below one") as refused:
            call()
        assert place in str(refused.value)


@pytest.mark.bad_input
def test_a_null_character_is_no_part_of_a_path():
    with pytest.raises(ValueError, match="is no path: it has a null character"):
        user_path("a\0b")
