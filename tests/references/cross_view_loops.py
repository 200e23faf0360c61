"""Cross-view rank-k by plain loops: one probe, one gallery walk, one part at a time, in double precision."""

import math


def slow_distance(a, b, distance):
    """Distance of two embeddings [parts, channels]."""
    squares = [sum((float(x) - float(y)) ** 2 for x, y in zip(part_a, part_b)) for part_a, part_b in zip(a, b)]
    if distance == "flattened":
        return math.sqrt(sum(squares))
    return sum(math.sqrt(square) for square in squares) / len(squares)


def slow_rank(
    embeddings, *, subjects, conditions, view_degrees, gallery, probes, probe_view, gallery_view, rank, distance
):
    """Rank-k in per cent for one pair of views; `gallery` and `probes` are lists of whole conditions.

    Sorts the gallery by distance; among equal distances, walks of other subjects come first.
    """
    found = num_probes = 0
    for i, subject in enumerate(subjects):
        if conditions[i] not in probes or view_degrees[i] != probe_view:
            continue
        order = []
        for j, other in enumerate(subjects):
            if conditions[j] in gallery and view_degrees[j] == gallery_view and j != i:
                order.append((slow_distance(embeddings[i], embeddings[j], distance), other == subject))
        num_probes += 1
        found += any(own for _, own in sorted(order)[:rank])
    return 100 * found / num_probes


def slow_mean(embeddings, *, view_degrees, identical_views, **settings):
    """Mean over gallery views, then over probe views, in per cent; `settings` as in `slow_rank`."""
    views = sorted(set(view_degrees))
    by_probe_view = []
    for probe_view in views:
        rates = [
            slow_rank(embeddings, view_degrees=view_degrees, probe_view=probe_view, gallery_view=view, **settings)
            for view in views
            if identical_views == "include" or view != probe_view
        ]
        by_probe_view.append(sum(rates) / len(rates))
    return sum(by_probe_view) / len(by_probe_view)
