"""The model while it is trained: what `model.fit` has to do here beyond what Keras does."""

import keras


class TrainedModel(keras.Model):
    """A functional model whose steps are those of gait training; made of the input and the outputs of a built model.

    It shares its layers with that model and lives during a training only: what is kept is a plain functional model.

    Example:
        >>> silhouettes = keras.Input((6,))
        >>> TrainedModel(silhouettes, {"embedding": keras.layers.Dense(2)(silhouettes)}).count_params()
        14
    """
