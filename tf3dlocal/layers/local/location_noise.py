"""What happens to locations in training only: parts look next to their place, or are left out."""

import keras
from keras import ops

from tf3dlocal.io.types import Tensor
from tf3dlocal.layers.defaults import derive_seed
from tf3dlocal.layers.local.location import Location
from tf3dlocal.layers.replicas import draw_for_clips


class LocationNoise(keras.layers.Layer):
    """Layer that moves the centre of a part at random, and leaves the part out at random, one draw per clip.

        center <- center + jitter extent N(0, 1)        (x, y and t; extent = stride times points of the grid)
        confidence <- confidence mask / (1 - dropout),  mask 1 with probability 1 - dropout, else 0

    A volume is multiplied by its confidence, and the convolutions that read it have no bias: without confidence the
    whole path gives zeros. Neither is in the paper; both are ways to keep a network of few training people from
    memorizing them. Outside of training nothing changes.

    Args:
        jitter: Standard deviation of the centre, as a share of the part's extent.
        dropout: Share of the clips in which the part is left out.
        seed: Seed of the draws.

    Call arguments:
        location: float32 [batch, 8] or [batch, frames, 8], a stacked `Location`.
        size: (frames, height, width) of the sampled map.

    Returns:
        float32, of the shape of location.

    Example:
        >>> import numpy as np
        >>> location = np.array([[5.0, 7.5, 14.5, 0.3, 0.1, 0.3, 0.1, 0.5]] * 6, "float32")
        >>> left_out = LocationNoise(dropout=0.5, seed=0)(location, size=(30, 16, 11), training=True)
        >>> sorted(set(left_out[:, 7].numpy().tolist()))
        [0.0, 1.0]
    """

    def __init__(self, *, jitter: float = 0.0, dropout: float = 0.0, seed: int | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        if not jitter >= 0:
            raise ValueError(f"jitter must be a share of the part's extent of at least 0; got {jitter!r}.")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be a share from 0 to less than 1; got {dropout!r}.")
        self.jitter = jitter
        self.dropout = dropout
        self.draws = keras.random.SeedGenerator(derive_seed(seed, name="draws"))

    def call(self, location: Tensor, *, size: tuple, training: bool | None = None) -> Tensor:
        if not training or not (self.jitter or self.dropout):
            return location
        place, count = Location.unstack(location), ops.shape(location)[0]
        per_clip = (-1,) + (1,) * (len(location.shape) - 2)  # the frames of a clip share its draws
        if self.jitter:
            frames, height, width = (ops.cast(cells, location.dtype) for cells in size)
            normal = draw_for_clips(lambda rows: keras.random.normal((rows, 3), seed=self.draws), count)
            moves = [ops.reshape(normal[:, axis], per_clip) * self.jitter for axis in range(3)]
            place = place._replace(
                center_x=place.center_x + moves[0] * ops.stop_gradient(place.stride_x) * width,
                center_y=place.center_y + moves[1] * ops.stop_gradient(place.stride_y) * height,
                center_t=place.center_t + moves[2] * ops.stop_gradient(place.stride_t) * frames,
            )
        if self.dropout:
            uniform = draw_for_clips(lambda rows: keras.random.uniform((rows,), seed=self.draws), count)
            kept = ops.cast(uniform >= self.dropout, location.dtype) / (1 - self.dropout)
            place = place._replace(confidence=place.confidence * ops.reshape(kept, per_clip))
        return place.stack()
