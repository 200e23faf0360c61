"""What is raised where a config cannot be used."""


class ConfigError(ValueError):
    """A config cannot be read; the message names the file, the key and the way out."""
