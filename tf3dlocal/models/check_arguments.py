"""Arguments that every model has, refused with the way out where nothing can be built of them."""


def check_input_shape(input_shape):
    """Raise ValueError unless the shape is (frames or None, height, width, channels) with a fixed height and width.

    Example:
        >>> check_input_shape((None, 64, 44, 1))
    """
    if len(input_shape) != 4 or None in tuple(input_shape)[1:]:
        raise ValueError(
            f"input_shape is (frames or None, height, width, 1) with a fixed height and width; got {input_shape}."
        )


def check_channels(channels, lengths=(3,)):
    """Raise ValueError unless there is one number of channels per block, for one of these numbers of blocks.

    Example:
        >>> check_channels((32, 64, 128))
    """
    if len(channels) not in lengths:
        counts = {3: "three", 4: "four"}
        many = " or ".join(counts[length] for length in lengths)
        raise ValueError(f"channels has one number per block, {many} in all; got {tuple(channels)}.")


def preset_of(presets, name):
    """The arguments of a named preset; raises ValueError that lists the names.

    Example:
        >>> preset_of({"paper": {"dropout": 0.9}}, "paper")
        {'dropout': 0.9}
    """
    if name not in presets:
        raise ValueError(f"Unknown preset {name!r}; there are {', '.join(presets)}.")
    return presets[name]
