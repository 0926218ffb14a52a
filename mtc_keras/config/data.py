"""The table `[data]`: where the rows come from and how they are read."""

import codecs
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from mtc_keras.config.encodings import check_encoding
from mtc_keras.config.sections import Section

Files = str | list[str] | dict[str, str]
Word = str | bool | int  # in a column of splits
Words = Word | list[Word]
TAB = ("\\t", "tab", "TAB")  # as people spell one that they cannot type
MOST_ROWS = 2**40  # above all that anybody trains, and below what one wrong digit costs


class DataConfig(Section):
    """Where the rows come from and how they are read."""

    train: Files | None = Field(
        default=None,
        description="File, glob or list of them (csv, tsv, txt, jsonl, json, parquet, xlsx; "
        "compressed or in a zip, too), or a table of parallel files, one per column: "
        "{ text = 'x.txt', label = 'y.txt' }.",
    )
    validation: Files | int | float | None = Field(
        default=None,
        description="Files, or a fraction (0.1) or number of training rows to split off; "
        "if absent, the last epoch is kept.",
    )
    test: Files | None = Field(default=None, description="Files to evaluate once, after training.")
    reader: str | None = Field(
        default=None,
        pattern=r"^\w+(\.\w+)*:\w+$",
        description="'package.module:function', called with a split's name in place of files.",
    )
    text: str | list[str] = Field(
        default="text", description="Text column, or a list of two for text pairs."
    )
    id: str = Field(default="id", description="Column copied to the predictions, if present.")
    weight: str = Field(
        default="weight",
        description="Column of row weights, if present: a number, or a list with one per task.",
    )
    group: str | None = Field(
        default=None,
        min_length=1,
        description="Column of groups, such as raters or documents: a validation that is split off "
        "shares none with training. Rows of one text always stay together.",
    )
    encoding: str | list[str] | None = Field(
        default=None,
        description="Encoding of all files of text, such as 'cp1252', or a list of which each line "
        "is read by the first that can; default: UTF-8, UTF-16 or UTF-32 by the file's mark, else "
        "UTF-8, else what its letters show.",
    )
    split: str | None = Field(
        default=None,
        min_length=1,
        description="Column that says to which split each row of data.train belongs, in words such "
        "as train, dev and test.",
    )
    split_values: dict[Literal["train", "validation", "test", "ignore"], Words] = Field(
        default_factory=dict,
        description="Other words in that column: { train = ['0', '1'], test = '2' }; rows of "
        "`ignore` are left out.",
    )
    votes_by: str | None = Field(
        default=None,
        min_length=1,
        description="Column whose equal cells make one row of the rows of several raters, such as "
        "the text or its id: its labels are the shares of theirs, a number their mean.",
    )
    delimiter: str | None = Field(
        default=None,
        description="Character that separates the cells of csv, tsv and txt files; default: that "
        "of the file's name, or what the file shows among comma, semicolon, tab and bar.",
    )
    header: list[str] | None = Field(
        default=None,
        min_length=1,
        description="Names of the columns of files without a header: csv, tsv, txt and sheets, and "
        "JSON whose rows are lists of cells.",
    )
    quoting: Literal["minimal", "escaped", "none"] | None = Field(
        default=None,
        description="What quotes mean in csv and tsv: they stand around cells, those within them "
        'doubled (minimal) or written \\" (escaped), or they are part of the texts (none); '
        "default: minimal for csv, and for tsv what the file shows.",
    )
    records: str | None = Field(
        default=None,
        min_length=1,
        description="Where the rows stand in a JSON document that is no array, such as 'data' or "
        "'result.items'; default: where the only list of objects stands.",
    )
    rename: dict[str, str] = Field(
        default_factory=dict, description="Columns to rename after reading: old = 'new'."
    )
    missing: list[str] | None = Field(
        default=None,
        description="`missing` of every task that sets none of its own: texts in label cells "
        "that mean that no label is known. [] keeps NaN, N/A, … in csv and tsv as they stand.",
    )
    limit: int | None = Field(
        default=None,
        ge=1,
        le=MOST_ROWS,
        description="Number of training rows kept after a seeded shuffle.",
    )
    too_long: Literal["truncate", "drop"] = Field(
        default="truncate",
        description="What to do with training rows of more than max_length tokens.",
    )
    cache: bool = Field(
        default=True,
        description="Keep the tokens in the user's cache directory for the next run.",
    )

    @field_validator("text")
    @classmethod
    def _one_or_two(cls, text: str | list[str]) -> str | list[str]:
        if isinstance(text, list) and len(text) != 2:
            raise ValueError("must be one column, or a list of two for text pairs")
        return text

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, encoding: str | list[str] | None) -> str | list[str] | None:
        names = [encoding] if isinstance(encoding, str) else encoding
        for name in names or ():
            check_encoding(name, is_by_line=isinstance(encoding, list))
        if names == []:
            raise ValueError("names no encoding")
        return encoding

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, delimiter: str | None) -> str | None:
        if delimiter in TAB:
            return "\t"
        if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n\0\\'):
            raise ValueError(r"must be one character, such as ';' or '\t', and no quote")
        return delimiter

    @field_validator("header")
    @classmethod
    def _different_names(cls, header: list[str] | None) -> list[str] | None:
        for name in header or ():
            if header and header.count(name) > 1 and name.strip():
                raise ValueError(f"names two columns {name!r}")
        return header

    @field_validator("validation")
    @classmethod
    def _fraction(cls, validation: Any) -> Any:
        if isinstance(validation, float) and not 0 < validation < 1:
            raise ValueError("a fraction must lie between 0 and 1")
        if isinstance(validation, int) and validation < 1:
            raise ValueError("a number of rows must be at least 1")
        if isinstance(validation, int) and validation > MOST_ROWS:
            raise ValueError(f"a number of rows must be at most {MOST_ROWS:,}")
        return validation

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.reader and (self.train or self.test or not _is_split(self.validation)):
            raise ValueError("reader replaces the files: give either reader or train/test files")
        if self.reader and self.split:
            raise ValueError("split chooses rows of data.train; a reader is asked for each split")
        if self.split_values and not self.split:
            raise ValueError('split_values are those of a column: name it, such as split = "split"')
        words = [str(word) for _, word in self.split_words]
        if twice := {word for word in words if words.count(word) > 1}:
            raise ValueError(f"split_values names {min(twice)!r} for several splits")
        return self

    @property
    def encodings(self) -> tuple[str, ...]:
        """The names of the encodings, as Python spells them; none to look for them."""
        names = [self.encoding] if isinstance(self.encoding, str) else self.encoding or []
        return tuple(codecs.lookup(name).name.removesuffix("-sig") for name in names)

    @property
    def split_words(self) -> list[tuple[str, Word]]:
        """The words of `split_values`, each after its split."""
        return [
            (split, word)
            for split, words in self.split_values.items()
            for word in (words if isinstance(words, list) else [words])
        ]

    @property
    def text_columns(self) -> list[str]:
        """The text columns, one or two."""
        return [self.text] if isinstance(self.text, str) else list(self.text)


def _is_split(validation: Files | float | int | None) -> bool:
    return validation is None or isinstance(validation, (int, float))
