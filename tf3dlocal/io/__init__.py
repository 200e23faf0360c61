"""The utility floor: files, YAML, progress and machine facts. It imports nothing else of the package."""

import importlib

# Resolved on first use: `import tf3dlocal` needs the machine alone, and a reader of YAML needs no numpy.
_HOME = {
    "MOST_SEED": "arguments",
    "UnreadableError": "guard",
    "YamlDocument": "strict_yaml",
    "YamlError": "strict_yaml",
    "as_shown": "progress",
    "check_apart": "paths",
    "check_folder_name": "paths",
    "check_names": "names",
    "check_regular_file": "guard",
    "check_seed": "arguments",
    "check_shares": "arguments",
    "check_whole": "arguments",
    "check_writable": "whole_file",
    "fast_precision": "precision",
    "file_lock": "locks",
    "has_accelerator": "machine",
    "is_share": "arguments",
    "keep_freed_memory": "freed_memory",
    "lock_holder": "locks",
    "matches_leading_word": "names",
    "named_arguments": "names",
    "near_names": "names",
    "new_folder": "whole_file",
    "num_cores": "machine",
    "plain_name": "names",
    "print_table": "progress",
    "printable": "names",
    "progress_bar": "progress",
    "read_json": "guard",
    "read_npz": "guard",
    "read_yaml": "strict_yaml",
    "read_yaml_file": "strict_yaml",
    "readable": "guard",
    "remove_unfinished": "whole_file",
    "stop_on_signal": "progress",
    "tell": "progress",
    "use_onednn": "machine",
    "user_path": "paths",
    "write_bytes": "whole_file",
    "write_file": "whole_file",
    "write_json": "whole_file",
    "write_text": "whole_file",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
