"""Alignment of a silhouette in plain loops over pixels, with its own cubic resize: slow, and easy to check by eye.

OpenCV has two cubic resizes for 8-bit pictures: with Intel's IPP (its x86 wheels) the weights are exact, elsewhere
they are rounded to 1/2048. The two differ by one grey level in two to four of a hundred pixels.
"""

import math

import numpy as np


def cubic_weight(distance, a=-0.75):
    """Cubic convolution: the weight of a pixel at this distance."""
    d = abs(distance)
    if d <= 1:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1
    return a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a


def taps(count_in, count_out, steps):
    """For each output pixel the four input pixels (border pixels repeated) and their weights."""
    result = []
    for index in range(count_out):
        position = (index + 0.5) * count_in / count_out - 0.5  # pixel centres lie at half integers
        first = math.floor(position)
        places = [min(max(first + offset, 0), count_in - 1) for offset in (-1, 0, 1, 2)]
        weights = [cubic_weight(position - (first + offset)) for offset in (-1, 0, 1, 2)]
        if steps:
            weights = [round(weight * steps) / steps for weight in weights]
        result.append(list(zip(places, weights, strict=True)))
    return result


def resize_cubic(picture, height, width, steps=None):
    """uint8 [rows, columns] -> uint8 [height, width]; with `steps`, weights are rounded to 1 / steps."""
    pixels = picture.tolist()
    across, down = taps(len(pixels[0]), width, steps), taps(len(pixels), height, steps)
    wide = [[sum(row[place] * weight for place, weight in tap) for tap in across] for row in pixels]
    result = np.zeros((height, width), np.uint8)
    for y, tap in enumerate(down):
        for x in range(width):
            value = sum(wide[place][x] * weight for place, weight in tap)
            result[y, x] = min(max(round(value), 0), 255)
    return result


def align(frame, size=64, minimum_pixel_sum=10_000, resize=resize_cubic):
    """The published steps one by one; `resize(picture, height, width)` may be exchanged."""
    if sum(frame.ravel().tolist()) <= minimum_pixel_sum:
        return None
    filled = [y for y in range(frame.shape[0]) if any(frame[y])]
    body = frame[filled[0] : filled[-1] + 1]
    body = resize(body, size, int(size * (body.shape[1] / body.shape[0])))
    half = sum(body.ravel().tolist()) / 2
    so_far, centre = 0, None
    for x in range(body.shape[1]):
        so_far += sum(body[:, x].tolist())
        if so_far > half:
            centre = x
            break
    margin = np.zeros((size, size // 2), np.uint8)
    return np.concatenate([margin, body, margin], 1)[:, centre : centre + size]
