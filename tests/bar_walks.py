"""Walks of bars, and a model whose nearest walk is obvious."""

import cv2
import keras
import numpy as np

from tf3dlocal.serving import export

HEIGHT, WIDTH = 16, 12


def bar(column):
    """A silhouette with a bar of two columns."""
    picture = np.zeros((HEIGHT, WIDTH), np.uint8)
    picture[:, column : column + 2] = 255
    return picture


def walk_folder(folder, column, *, frames=8):
    """Write a walk of a bar that moves by one column and back; its mean is near `column`."""
    folder.mkdir(parents=True, exist_ok=True)
    for frame in range(frames):
        cv2.imwrite(str(folder / f"{frame:05d}.png"), bar(column + frame % 2))
    return folder


def exported(folder, *, name="mean"):
    """Export a model whose embedding is the mean silhouette in two strips."""
    silhouettes = keras.Input((None, HEIGHT, WIDTH, 1))
    mean = keras.layers.Lambda(lambda x: keras.ops.mean(x, axis=1))(silhouettes)
    embedding = keras.layers.Reshape((2, HEIGHT * WIDTH // 2))(mean)
    return export(keras.Model(silhouettes, {"embedding": embedding}, name=name), folder=folder)
