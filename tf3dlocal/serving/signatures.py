"""The functions of an exported model, each with its checks in the graph, so that every server refuses the same input.

All of them call one function from silhouettes to embeddings, in blocks of walks that are equally long and have a
bounded number of frames together. So a walk has the same answer alone and in any batch, and memory is bounded.
"""

from collections.abc import Callable

import keras
import tensorflow as tf

from tf3dlocal.io.types import Tensor
from tf3dlocal.serving.graph_alignment import align_walks
from tf3dlocal.serving.graph_checks import after, number_of_first, require
from tf3dlocal.serving.graph_pictures import decoded_mask, without_repeats

OUTPUT = "embedding"
MOST_FRAMES = 2048  # of a walk: 82 seconds at 25 frames per second
MOST_PIXELS = 2**28  # of the masks of one batch, which a server holds several times
FRAMES_AT_ONCE = 720  # of the walks of one block, as `embed_walks` computes them
NO_FRAME = "Each walk must have at least one frame; got {}."
INPUTS = {
    "serving_default": "silhouettes, uint8 [batch, frames, height, width], 0..255",
    "float": "silhouettes, float32 [batch, frames, height, width], 0..1",
    "variable": "silhouettes, uint8 [batch, frames, height, width], and num_frames, int32 [batch]",
    "raw": "masks, uint8 [batch, frames, any height, any width]; aligned as by `tf3dlocal prepare`",
    "png": "frames_bytes, string [batch, frames], a PNG file each; aligned as by `tf3dlocal prepare`",
}


class Signatures(tf.Module):
    """The functions of a model and the variables that they read; it refers to no Keras object.

    The methods with the names of `INPUTS` take tensors and return {"embedding": tensor}.

    Args:
        model: `keras.Model` from float32 [batch, frames, height, width, 1] to an embedding, alone or in a dict.
        height: Height of its silhouettes.
        width: Width of its silhouettes.

    Attributes:
        size: Height and width.
        embedding_shape: [None, channels] or [None, parts, channels].
    """

    def __init__(self, model: keras.Model, *, height: int, width: int):
        super().__init__()
        # Keras wraps each tf.Variable in a separate object, which tf.Module does not look into.
        self.weights = [weight.value for weight in model.weights]
        self.size = (height, width)

        def embed(silhouettes):
            outputs = model(silhouettes[..., tf.newaxis], training=False)  # [batch, frames, height, width, 1]
            embedding = outputs[OUTPUT] if isinstance(outputs, dict) else outputs
            return tf.cast(embedding, tf.float32)

        spec = tf.TensorSpec([None, None, height, width], tf.float32, name="silhouettes")
        self.embed = tf.function(embed, input_signature=[spec])  # one function in the file, called by all others
        self.embedding_shape = tuple(self.embed.get_concrete_function().output_shapes)

    def traced(self) -> dict[str, Callable]:
        """Trace the functions that `tf.saved_model.save` writes.

        Returns:
            {name: function}; "raw" and "png" are left out where no aligned silhouette has the model's size (an odd
            height, or a width above the height).
        """
        height, width = self.size
        sized = [None, None, height, width]
        specs = {
            "serving_default": [tf.TensorSpec(sized, tf.uint8, name="silhouettes")],
            "float": [tf.TensorSpec(sized, tf.float32, name="silhouettes")],
            "variable": [
                tf.TensorSpec(sized, tf.uint8, name="silhouettes"),
                tf.TensorSpec([None], tf.int32, name="num_frames"),
            ],
        }
        if height % 2 == 0 and width <= height:
            specs["raw"] = [tf.TensorSpec([None] * 4, tf.uint8, name="masks")]
            specs["png"] = [tf.TensorSpec([None, None], tf.string, name="frames_bytes")]
        return {
            name: tf.function(getattr(self, name), autograph=False).get_concrete_function(*each)
            for name, each in specs.items()
        }

    def serving_default(self, silhouettes: Tensor) -> dict[str, Tensor]:
        """Embed walks of one length, uint8 0..255."""
        silhouettes = self._checked(silhouettes)
        return {OUTPUT: self._in_blocks(silhouettes, _full_lengths(silhouettes))}

    def float(self, silhouettes: Tensor) -> dict[str, Tensor]:
        """Embed walks of one length, float32 0..1."""
        in_range = require(
            tf.reduce_all((silhouettes >= 0) & (silhouettes <= 1)),  # false for NaN
            "The silhouettes of the signature `float` must be numbers of 0 (background) to 1 (body), and some are "
            "outside or NaN. Divide 0..255 by 255, or use the signature `serving_default`.",
        )
        silhouettes = self._checked(after([in_range], silhouettes))
        return {OUTPUT: self._in_blocks(silhouettes, _full_lengths(silhouettes))}

    def variable(self, silhouettes: Tensor, num_frames: Tensor) -> dict[str, Tensor]:
        """Embed each walk from its first num_frames frames alone."""
        shape = tf.shape(silhouettes)
        filled = require(shape[1] > 0, NO_FRAME, (shape,))
        sized = require(
            tf.size(num_frames) == shape[0],
            "There are {} walks and {} numbers in num_frames: give one number for each walk.",
            (shape[0], tf.size(num_frames)),
        )
        num_frames = after([filled, sized], num_frames)
        wrong = (num_frames < 1) | (num_frames > shape[1])
        first = number_of_first(wrong)
        in_range = require(
            ~tf.reduce_any(wrong),
            "num_frames of walk {} is {}, and must be 1 to {}, the number of frames that were sent.",
            (first, tf.gather(tf.concat([num_frames, [0]], 0), first), shape[1]),
        )
        num_frames = after([in_range], num_frames)
        silhouettes = self._checked(silhouettes, num_frames=num_frames)
        return {OUTPUT: self._by_length(silhouettes, num_frames)}

    def raw(self, masks: Tensor) -> dict[str, Tensor]:
        """Align masks of any size, leave out frames without a person, and embed the walks."""
        shape = tf.shape(masks)
        filled = require(
            tf.reduce_all(shape[1:] > 0),
            "The masks must be uint8 [batch, frames, height, width] with at least one frame and one pixel; got {}.",
            (shape,),
        )
        pixels = tf.reduce_prod(tf.cast(shape, tf.int64))
        fits = require(
            pixels <= MOST_PIXELS,
            "The masks have {} pixels together, and at most {} are aligned at once: send fewer or smaller masks.",
            (pixels, MOST_PIXELS),
        )
        masks = after([filled, fits, _few_frames(shape[1])], masks)
        flat = tf.reshape(masks, tf.concat([[shape[0] * shape[1]], shape[2:]], 0))
        frames = align_walks(flat, lambda mask: (mask, False), shape[:2], size=self.size)
        return {OUTPUT: self._of_aligned(*frames)}

    def png(self, frames_bytes: Tensor) -> dict[str, Tensor]:
        """Decode and align pictures, leave out frames without a person, and embed the walks."""
        shape = tf.shape(frames_bytes)
        filled = require(shape[1] > 0, "Each walk must have at least one picture; got {}.", (shape,))
        pictures = without_repeats(after([filled, _few_frames(shape[1])], frames_bytes))
        frames = align_walks(tf.reshape(pictures, [-1]), decoded_mask, shape[:2], size=self.size)
        return {OUTPUT: self._of_aligned(*frames)}

    def _of_aligned(self, silhouettes, is_usable):
        """Embed walks from their usable frames alone."""
        usable_first = tf.argsort(tf.cast(~is_usable, tf.int32), axis=1, stable=True)
        silhouettes = tf.gather(silhouettes, usable_first, batch_dims=1)
        num_frames = tf.reduce_sum(tf.cast(is_usable, tf.int32), axis=1)
        return self._by_length(silhouettes, num_frames)

    def _checked(self, silhouettes, *, num_frames=None):
        """Return the silhouettes after the checks of their size, and of padding that num_frames does not name."""
        silhouettes = tf.ensure_shape(silhouettes, [None, None, *self.size])
        shape = tf.shape(silhouettes)
        filled = require(shape[1] > 0, NO_FRAME, (shape,))
        silhouettes = after([filled], silhouettes)
        lengths = _full_lengths(silhouettes) if num_frames is None else num_frames
        has_body = tf.reduce_max(silhouettes, axis=[2, 3]) > tf.reduce_min(silhouettes, axis=[2, 3])  # b t
        has_body &= tf.sequence_mask(lengths, shape[1])
        is_padded = tf.reduce_any(has_body, axis=1) & ~tf.gather(has_body, lengths - 1, batch_dims=1)
        whole = require(
            ~tf.reduce_any(is_padded),
            "Walk {} ends with frames without a body, as padding makes them, and they change its embedding. Leave them "
            "out, or say in num_frames of the signature `variable` how many frames are real.",
            (number_of_first(is_padded),),
        )
        return after([whole, _few_frames(tf.reduce_max(tf.concat([lengths, [1]], 0)))], silhouettes)

    def _by_length(self, silhouettes, num_frames):
        order = tf.argsort(num_frames, stable=True)
        embeddings = self._in_blocks(tf.gather(silhouettes, order), tf.gather(num_frames, order))
        return tf.gather(embeddings, tf.argsort(order))

    def _in_blocks(self, silhouettes, lengths):
        """Embed walks that are in order of their lengths, those of equal length together."""
        num_walks = tf.shape(lengths)[0]

        def embed_block(start, done):
            length = lengths[start]
            same_end = tf.reduce_sum(tf.cast(lengths <= length, tf.int32))
            end = tf.minimum(same_end, start + tf.maximum(1, FRAMES_AT_ONCE // length))
            block = tf.cast(silhouettes[start:end, :length], tf.float32)
            if silhouettes.dtype == tf.uint8:
                brightest = tf.reduce_max(block, axis=[1, 2, 3], keepdims=True)
                block /= tf.where(brightest == 1, 1.0, 255.0)  # masks of 0 and 1 are taken as those of 0 and 255
            return end, tf.concat([done, self.embed(block)], 0)

        shape = self.embedding_shape
        _, embeddings = tf.while_loop(
            lambda start, done: start < num_walks,
            embed_block,
            (tf.constant(0), tf.zeros([0, *shape[1:]])),
            shape_invariants=(tf.TensorShape([]), tf.TensorShape(shape)),
            parallel_iterations=1,
        )
        return embeddings


def _full_lengths(silhouettes: Tensor) -> Tensor:
    shape = tf.shape(silhouettes)
    return tf.fill([shape[0]], shape[1])


def _few_frames(num_frames: Tensor) -> tf.Operation:
    return require(
        num_frames <= MOST_FRAMES,
        "A walk has {} frames, and at most {} are computed: send a part of it, or its windows as several walks.",
        (num_frames, MOST_FRAMES),
    )
