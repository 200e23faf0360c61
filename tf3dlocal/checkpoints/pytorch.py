"""PyTorch, which only the conversion of weights needs."""


def import_torch():
    """The module torch.

    Raises:
        ImportError: it is not installed; the message says how to.
    """
    try:
        import torch
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise TorchMissing(
            "reading and writing PyTorch checkpoints needs torch, which is not installed: pip install 'tf3dlocal[convert]' "
            "(or, for a CPU alone, pip install torch --index-url https://download.pytorch.org/whl/cpu)"
        ) from None
    return torch


class TorchMissing(ImportError):
    """torch is not installed."""
