"""Weights of PyTorch originals in our models and back: one mapping table per model, every tensor accounted for."""

from tf3dlocal.checkpoints.arguments import parse_settings
from tf3dlocal.checkpoints.checkpoint_file import CheckpointFile, read_checkpoint
from tf3dlocal.checkpoints.convert import convert
from tf3dlocal.checkpoints.load import load
from tf3dlocal.checkpoints.parity_report import ParityReport
from tf3dlocal.checkpoints.tables import TABLES
from tf3dlocal.checkpoints.write_torch import write_torch

__all__ = [
    "TABLES",
    "CheckpointFile",
    "ParityReport",
    "convert",
    "load",
    "parse_settings",
    "read_checkpoint",
    "write_torch",
]
