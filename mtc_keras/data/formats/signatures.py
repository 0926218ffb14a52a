"""Files whose first bytes say that they are something else than their name."""

from typing import IO

from mtc_keras.errors import DataError

OLD_WORKBOOK = (
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "an old or encrypted Excel workbook; save it as .csv",
)
SIGNATURES = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook; name it .zip or .xlsx"),
    (b"\x1f\x8b\x08", "a gzip file; add .gz to its name"),
    (b"\xfd7zXZ\x00", "an xz file; add .xz to its name"),
    (b"PAR1", "a Parquet file; name it .parquet"),
    OLD_WORKBOOK,
    (b"\x28\xb5\x2f\xfd", "a zstd file; unpack it"),
    (b"Rar!\x1a\x07", "a rar archive; unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it"),
    (b"%PDF-", "a PDF"),
    (
        b"\x80\x04\x95",
        "a pickle, which may run code; save it as .parquet or .jsonl",
    ),
    (b"version https://git-lfs", "a pointer of Git LFS; fetch the file itself: git lfs pull"),
)
_PAGES = (b"<!doctype html", b"<html")
_BZIP2 = b"BZh", b"1AY&SY"
_MOST = 64


def check_signature(file: IO[bytes], path: str, is_text: bool = True) -> None:
    """Looks at the first bytes of a file, which is wound back.

    Args:
        file: the bytes.
        path: its name, for the message.
        is_text: bool. Whether it is to be a text; else only other workbooks are looked for.

    Raises:
        DataError: if they say that it is none.
    """
    start = file.read(_MOST)
    file.seek(0)
    for signature, what in SIGNATURES if is_text else (OLD_WORKBOOK,):
        if start.startswith(signature):
            raise DataError(f"{path}: is {what}")
    if start.startswith(_BZIP2[0]) and start[4:10] == _BZIP2[1]:
        raise DataError(f"{path}: is a bzip2 file; add .bz2 to its name")
    if start.lstrip().lower().startswith(_PAGES):
        raise DataError(f"{path}: is a web page, such as one of an error; download the file again")
