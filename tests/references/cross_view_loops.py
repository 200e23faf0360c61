"""Cross-view rank-k by plain loops: one probe, one gallery walk, one part at a time, in double precision."""

import math


def slow_distance(a, b, distance):
    """Distance of two embeddings [parts, channels]."""
    squares = [sum((float(x) - float(y)) ** 2 for x, y in zip(part_a, part_b)) for part_a, part_b in zip(a, b)]
    if distance == "flattened":
        return math.sqrt(sum(squares))
    return sum(math.sqrt(square) for square in squares) / len(squares)


def slow_rank(embeddings, subjects, conditions, views, gallery, probes, probe_view, gallery_view, rank, distance):
    """Rank-k in per cent for one pair of views; `gallery` and `probes` are lists of whole conditions.

    Sorts the gallery by distance; among equals, walks of other subjects come first.
    """
    found = asked = 0
    for i, subject in enumerate(subjects):
        if conditions[i] not in probes or views[i] != probe_view:
            continue
        order = []
        for j, other in enumerate(subjects):
            if conditions[j] in gallery and views[j] == gallery_view and j != i:
                order.append((slow_distance(embeddings[i], embeddings[j], distance), other == subject))
        asked += 1
        found += any(own for _, own in sorted(order)[:rank])
    return 100 * found / asked


def slow_mean(embeddings, subjects, conditions, views, gallery, probes, rank, distance, identical_views):
    """Mean over gallery views, then over probe views, in per cent."""
    names = sorted(set(views))
    by_probe_view = []
    for probe_view in names:
        rates = [
            slow_rank(embeddings, subjects, conditions, views, gallery, probes, probe_view, v, rank, distance)
            for v in names
            if identical_views == "include" or v != probe_view
        ]
        by_probe_view.append(sum(rates) / len(rates))
    return sum(by_probe_view) / len(by_probe_view)
