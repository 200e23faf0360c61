"""The folder of one training: its config, checkpoints, log and model."""
