"""First weights that are copies of other layers'."""


def start_as_copies(model, copies):
    """Let the convolutions of some blocks start with the weights of others: {block: block it starts as}."""
    for copy, original in copies.items():
        for number in (1, 2):
            layers = [model.get_layer(f"{block}_convolution_{number}") for block in (copy, original)]
            layers[0].kernel.assign(layers[1].kernel)
