"""Files and folders: written whole, held, hashed, numbered; values as JSON. One way for each."""

from mtc_keras.files.formats import Format
from mtc_keras.files.holding import LOCK, being_read, check_not_read, held
from mtc_keras.files.json_text import (
    exact_json,
    json_digest,
    json_line,
    plain_text,
    read_exact_json,
    readable_json,
    shown_json,
    to_json,
)
from mtc_keras.files.places import PART, check_folder, check_writable, resolved
from mtc_keras.files.reading import (
    MOST_JSON,
    MOST_TOML,
    file_problem,
    is_left_by_system,
    parse_json,
    read_bytes,
    read_json,
)
from mtc_keras.files.sums import SUMS, changed_files, read_sums, replace_file, write_sums
from mtc_keras.files.whole import (
    folder_written_whole,
    is_unfinished,
    parents_made,
    remove_leftovers,
    rename,
    sha256,
    sync,
    sync_all,
    write_whole,
    written_whole,
)

__all__ = [
    "LOCK",
    "MOST_JSON",
    "MOST_TOML",
    "PART",
    "SUMS",
    "Format",
    "being_read",
    "changed_files",
    "check_folder",
    "check_not_read",
    "check_writable",
    "exact_json",
    "file_problem",
    "folder_written_whole",
    "held",
    "is_left_by_system",
    "is_unfinished",
    "json_digest",
    "json_line",
    "parents_made",
    "parse_json",
    "plain_text",
    "read_bytes",
    "read_exact_json",
    "read_json",
    "read_sums",
    "readable_json",
    "remove_leftovers",
    "rename",
    "replace_file",
    "resolved",
    "sha256",
    "shown_json",
    "sync",
    "sync_all",
    "to_json",
    "write_sums",
    "write_whole",
    "written_whole",
]
