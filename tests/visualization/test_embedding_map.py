"""The map of embeddings draws each walk with the colour of its subject and the marker of its kind."""

import numpy as np
import pytest

from tf3dlocal.visualization import plot_embedding_map


def people(num_subjects=3, num_walks=8, shape=(4,), spread=0.1):
    """Make embeddings of subjects that are far apart: the keyword arguments embeddings and subjects."""
    rng = np.random.default_rng(0)
    centers = 10 * rng.normal(size=(num_subjects, *shape))
    embeddings = centers.repeat(num_walks, axis=0) + spread * rng.normal(size=(num_subjects * num_walks, *shape))
    subjects = np.repeat([f"{number:03d}" for number in range(1, num_subjects + 1)], num_walks)
    return {"embeddings": embeddings, "subjects": subjects}


def groups_of(figure):
    """The points of each colour and marker, in the order in which they were drawn."""
    return [np.asarray(group.get_offsets()) for group in figure.axes[0].collections]


def legends_of(figure):
    return [[text.get_text() for text in legend.get_texts()] for legend in figure.legends]


@pytest.mark.parametrize("shape", [(4,), (3, 4)])
def test_walks_of_one_subject_are_close_together_in_one_colour(shape):
    figure = plot_embedding_map(**people(shape=shape), perplexity=5)
    groups = groups_of(figure)
    assert [len(group) for group in groups] == [8, 8, 8]
    assert len({tuple(group.get_facecolor()[0]) for group in figure.axes[0].collections}) == 3
    points, who = np.concatenate(groups), np.repeat(range(3), 8)
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1) + np.where(np.eye(24), np.inf, 0)
    assert (who[distances.argmin(axis=1)] == who).all()
    assert legends_of(figure) == [["001", "002", "003"]]


def test_the_same_seed_gives_the_same_map():
    maps = [np.concatenate(groups_of(plot_embedding_map(**people(), perplexity=5, seed=seed))) for seed in (1, 1)]
    np.testing.assert_array_equal(*maps)


def test_the_order_of_the_walks_does_not_change_the_colours():
    embeddings, subjects = people().values()
    order = np.random.default_rng(1).permutation(len(subjects))
    figure = plot_embedding_map(embeddings[order], subjects=subjects[order], perplexity=5)
    assert [len(group) for group in groups_of(figure)] == [8, 8, 8]
    assert legends_of(figure) == [["001", "002", "003"]]


def test_each_mark_has_a_fill_and_an_edge_in_the_order_given():
    embeddings, subjects = people().values()
    marks = np.tile(["nm"] * 4 + ["cl"] * 2 + ["bg"] * 2, 3)
    figure = plot_embedding_map(embeddings, subjects=subjects, marks=marks, perplexity=5)
    assert [len(group) for group in groups_of(figure)] == [4, 2, 2] * 3
    assert legends_of(figure) == [["001", "002", "003"], ["nm", "cl", "bg"]]
    first = figure.axes[0].collections[:3]  # of subject 001: filled, hollow, with a black edge
    fills, edges = (
        [tuple(getattr(group, what)()[0]) for group in first] for what in ("get_facecolor", "get_edgecolor")
    )
    assert fills[0] == edges[0] == edges[1] == fills[2]
    assert fills[1] == (1, 1, 1, 1) and edges[2] == (0, 0, 0, 1)


def test_subjects_above_the_maximum_are_left_out_and_counted_in_the_title():
    embeddings, subjects = people(num_subjects=12, num_walks=3).values()
    figure = plot_embedding_map(embeddings, subjects=subjects, perplexity=5)
    assert figure.axes[0].get_title() == "t-SNE of 30 walks of 10 of 12 subjects"
    assert legends_of(figure)[0][-1] == "010"
    all_drawn = plot_embedding_map(embeddings, subjects=subjects, perplexity=5, max_subjects=None)
    assert all_drawn.axes[0].get_title() == "t-SNE of 36 walks of 12 subjects"
    looks = {
        (tuple(group.get_facecolor()[0]), group.get_paths()[0].vertices.tobytes())
        for group in all_drawn.axes[0].collections
    }
    assert len(looks) == 12  # pairs of a colour and a marker


def test_a_given_title_replaces_the_default_and_the_file_is_written(tmp_path):
    figure = plot_embedding_map(**people(), path=tmp_path / "map.png", perplexity=5, title="3DLocal")
    assert figure.axes[0].get_title() == "3DLocal"
    assert (tmp_path / "map.png").exists()


EMBEDDINGS, SUBJECTS = people().values()
BROKEN = np.where(np.arange(24)[:, None] < 2, np.nan, EMBEDDINGS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "A perplexity of 30 needs more than 30 walks, and 24 are drawn. Use perplexity=7"),
        ({"perplexity": 10, "max_subjects": 1}, "more than 10 walks, and 8 are drawn. Use perplexity=2"),
        ({"perplexity": 0}, "perplexity of 0"),
        ({"max_subjects": 0}, "max_subjects .* not 0"),
        ({"embeddings": EMBEDDINGS[0]}, r"must have shape \[walks, channels\] .* not \[4\]"),
        ({"embeddings": EMBEDDINGS[:0], "subjects": SUBJECTS[:0]}, r"not \[0, 4\]"),
        ({"subjects": SUBJECTS[:-1]}, r"subjects must have shape \[walks\] = \[24\], .* not \[23\]"),
        ({"marks": ["nm"]}, r"marks must have shape \[walks\] = \[24\], .* not \[1\]"),
        ({"marks": np.arange(24)}, "24 different marks .* and 4 looks of a marker. Merge some"),
        ({"embeddings": BROKEN, "perplexity": 5}, "2 of the 24 embeddings have numbers that are not finite"),
        ({"embeddings": np.ones((24, 4)), "perplexity": 5}, "All 24 embeddings are equal"),
    ],
)
def test_what_has_no_map_raises_an_error_with_the_solution(arguments, message):
    with pytest.raises(ValueError, match=message):
        plot_embedding_map(**{"embeddings": EMBEDDINGS, "subjects": SUBJECTS, **arguments})
