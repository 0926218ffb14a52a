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
    to_json,
)
from mtc_keras.files.places import PART, check_folder, check_writable, resolved
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
    "PART",
    "Format",
    "being_read",
    "check_folder",
    "check_not_read",
    "check_writable",
    "exact_json",
    "folder_written_whole",
    "held",
    "is_unfinished",
    "json_digest",
    "json_line",
    "parents_made",
    "plain_text",
    "read_exact_json",
    "readable_json",
    "remove_leftovers",
    "rename",
    "resolved",
    "sha256",
    "sync",
    "sync_all",
    "to_json",
    "write_whole",
    "written_whole",
]
