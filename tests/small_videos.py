"""Small synthetic videos: drawn people with shadows walk in front of a noisy background that does not move."""

import functools

import cv2
import numpy as np

from tf3dlocal.data.walkers import draw_walk

HEIGHT, WIDTH, RATE = 180, 320, 25
BODY = (150, 190)  # size of the picture of one walker, in which the body is about 120 pixels high
DARKER = 0.65  # what a shadow leaves of the light


@functools.cache
def background():
    """A wall and a floor with texture: uint8 [height, width, 3]."""
    random = np.random.default_rng(5)
    picture = np.full((HEIGHT, WIDTH, 3), (150, 160, 140), np.float32)
    picture[120:] = (110, 130, 150)
    texture = cv2.GaussianBlur(random.normal(0, 30, picture.shape).astype(np.float32), (9, 9), 0)
    return np.clip(picture + 2 * texture, 0, 255).astype(np.uint8)


@functools.cache
def body(subject, frames):
    """Silhouettes of a walker in place: bool [frames, 150, 190], the body in the middle column."""
    walk = draw_walk(3, subject=subject, condition="nm-01", view_degrees=90, frames=frames, image_size=BODY) > 0
    middles = [int(np.median(np.nonzero(frame)[1])) for frame in walk]
    return np.stack([np.roll(frame, BODY[1] // 2 - middle, axis=1) for frame, middle in zip(walk, middles)])


def walker_masks(subject, *, begin, first, step, frames, row=20):
    """True masks of one person, bool [frames, height, width]; begin: the column; first: the frame; step: per frame."""
    masks = np.zeros((frames, HEIGHT, WIDTH), bool)
    for number in range(first, frames):
        left = round(begin + step * (number - first)) - BODY[1] // 2
        low, high = max(0, left), min(WIDTH, left + BODY[1])
        if low < high:
            masks[number, row : row + BODY[0], low:high] = body(subject, frames)[number, :, low - left : high - left]
    return masks


def draw_video(people, *, seed=0, noise=4.0):
    """Frames uint8 [frames, height, width, 3] of people, given by true masks, each with a shadow and a colour."""
    random = np.random.default_rng(seed)
    frames = []
    for number in range(len(people[0])):
        picture = background().astype(np.float32)
        for masks in people:
            rows = np.nonzero(masks[number].any(axis=1))[0]
            if len(rows):  # the shadow is the body, flattened and to the left, at the feet
                flat = cv2.resize(masks[number][rows[0] : rows[-1] + 1].astype(np.uint8), (WIDTH, 14))
                top = min(rows[-1] - 6, HEIGHT - 14)
                picture[top : top + 14][np.roll(flat, -18, axis=1) > 0] *= DARKER
        for colour, masks in enumerate(people):
            picture[masks[number]] = ((60, 40, 40), (40, 40, 110), (90, 60, 30))[colour % 3]
        picture += random.normal(0, noise, picture.shape)
        frames.append(np.clip(picture, 0, 255).astype(np.uint8))
    return np.stack(frames)


def write_video(path, frames, rate=RATE):
    """Write frames as AVI with JPEG frames."""
    height, width = frames.shape[1:3]
    fourcc = cv2.VideoWriter_fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), cv2.CAP_OPENCV_MJPEG, fourcc, rate, (width, height))
    writer.set(cv2.VIDEOWRITER_PROP_QUALITY, 95)
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path
