"""How long texts are in tokens, what `max_length` cuts off, and what padding costs.

Shapes: N rows.
"""

from typing import Any

import numpy as np

from mtc_keras.check.checked import Checked
from mtc_keras.config.model import TRAINING_WINDOWS
from mtc_keras.data.lengths import candidates, fewest_slots
from mtc_keras.data.rows import Rows
from mtc_keras.data.windows import Windows
from mtc_keras.pages import Block, Column, Figure, Paragraph, Part, Section, Table, figures

QUANTILES = (0.5, 0.9, 0.95, 0.99, 1.0)
KEPT = (0.95, 0.99, 1.0)  # of the training rows, for which a `max_length` is offered
SHAPES = 8  # padded lengths of a training, by estimate


def length_part(checked: Checked) -> Part:
    """Returns the part on the lengths of texts."""
    limit, most = checked.config.model.max_length, checked.most_tokens
    splits = {
        name: _split(rows, checked.lengths[name], limit) for name, rows in checked.splits.items()
    }
    train = checked.lengths["train"]
    offered = [value for value in _limits(train, limit) if value <= (most or value)]
    limits = [_limited(train, value) for value in offered]
    blocks: list[Block] = [
        *map(Paragraph, _sentences(checked, splits["train"])),
        _table(splits, limit),
        Figure(
            figures.histogram(
                train, axis="tokens per text", marks=[figures.Mark(f"max_length {limit}", limit)]
            ),
            "Training texts by length, special tokens counted",
            "Histogram: training texts by their number of tokens",
        ),
        _limit_table(limits, limit, most),
    ]
    values = {
        "max_length": limit,
        "most_tokens": most,
        "splits": splits,
        "limits": limits,
        "windows": _windows(checked),
    }
    return Part(Section("Lengths of texts", blocks, "lengths"), values)


def _split(rows: Rows, lengths: np.ndarray, limit: int) -> dict[str, Any]:
    characters = sum(np.fromiter(map(len, column), "int64", len(rows)) for column in rows.texts)
    long = lengths > limit
    return {
        "rows": len(rows),
        "tokens": int(lengths.sum()),
        "quantiles": dict(zip(map(str, QUANTILES), _quantiles(lengths), strict=True)),
        "median_characters": float(np.median(characters)),
        "most_characters": int(np.max(characters)),
        "longer": int(long.sum()),
        "beyond": int((lengths - limit)[long].sum()),
        "longest": rows.where[int(lengths.argmax())],
    }


def _quantiles(lengths: np.ndarray) -> list[int]:
    return [int(value) for value in np.quantile(lengths, QUANTILES, method="higher")]


def _limits(lengths: np.ndarray, limit: int) -> list[int]:
    """Returns the present `max_length`, and those that cut few training texts or none."""
    offered = np.quantile(lengths, KEPT, method="higher").astype(int).tolist()
    return sorted({max(value, 4) for value in [*offered, limit]})


def _limited(lengths: np.ndarray, limit: int) -> dict[str, Any]:
    """Returns what a `max_length` would cut off, and the slots that a step of training reads."""
    read = np.minimum(lengths, limit)
    *_, padded = fewest_slots_of(read)
    return {
        "max_length": limit,
        "longer": int((lengths > limit).sum()),
        "longer_share": float((lengths > limit).mean()),
        "beyond_share": float(1 - read.sum() / lengths.sum()),
        "tokens": int(read.sum()),
        "slots": padded,
        "padding_share": 1 - int(read.sum()) / padded,
    }


def fewest_slots_of(sizes: np.ndarray) -> list[int]:
    """Returns how many tokens an epoch reads, padding counted, with 1, 2, … padded lengths.

    Args:
        sizes: int of shape `(N,)`, tokens per row.
    """
    occurring, counts = candidates(np.maximum(sizes, 1))
    slots = []
    for lengths in fewest_slots(occurring, counts):
        places = np.searchsorted(lengths, occurring)
        slots.append(int((counts * lengths[places]).sum()))
        if len(slots) == SHAPES:
            break
    return slots


def _sentences(checked: Checked, train: dict[str, Any]) -> list[str]:
    model = checked.config.model
    if not train["longer"]:
        return [f"No training text exceeds max_length = {model.max_length:,}."]
    done = {
        "truncate": "cut at the end",
        "head_tail": "cut in the middle",
        "windows": "read in windows of so many",
    }[model.long_texts]
    if checked.config.data.too_long == "drop":
        done = "left out of training"
    share = train["beyond"] / train["tokens"]
    sentences = [
        f"{train['longer']:,} of {train['rows']:,} training texts exceed max_length = "
        f"{model.max_length:,} tokens and are {done}; {share:.2%} of all tokens lie beyond it."
    ]
    if windows := _windows(checked).get("train"):
        drawn = model.training_windows or TRAINING_WINDOWS
        sentences.append(
            f"A training text has {windows['mean']:.2f} windows on average, {windows['most']:,} at "
            f"most, of which a step draws up to {drawn:,} (training_windows)."
        )
    return sentences


def _windows(checked: Checked) -> dict[str, dict[str, float]]:
    """Returns how many windows texts are read in, by split; nothing if they are read otherwise."""
    counts = {
        name: tokens.counts
        for name, tokens in checked.tokens.items()
        if isinstance(tokens, Windows)
    }
    return {name: {"mean": float(of.mean()), "most": int(of.max())} for name, of in counts.items()}


def _table(splits: dict[str, dict[str, Any]], limit: int) -> Table:
    titles = ["median", *(f"{share:.0%}" for share in QUANTILES[1:-1]), "longest"]
    rows = [
        [
            name,
            found["rows"],
            *found["quantiles"].values(),
            found["longer"],
            found["longer"] / max(found["rows"], 1),
            found["beyond"] / max(found["tokens"], 1),
            round(found["median_characters"]),
            found["most_characters"],
        ]
        for name, found in splits.items()
    ]
    columns = [
        Column("split"),
        Column("rows", "count"),
        *(Column(title, "count", help="tokens") for title in titles),
        Column(f"> {limit:,}", "count", help="texts of more than max_length"),
        Column("share", "share"),
        Column("beyond", "share", help="of all tokens"),
        Column("characters", "count", help="median"),
        Column("most", "count", help="characters"),
    ]
    return Table(columns, rows, caption="Tokens of texts, special ones counted.")


def _limit_table(limits: list[dict[str, Any]], limit: int, most: int | None) -> Table:
    now = next(found for found in limits if found["max_length"] == limit)
    rows = [
        [
            f"{found['max_length']:,}" + (" (now)" if found is now else ""),
            found["longer"],
            found["longer_share"],
            found["beyond_share"],
            found["padding_share"],
            found["slots"] / now["slots"],
        ]
        for found in limits
    ]
    columns = [
        Column("max_length"),
        Column("longer", "count"),
        Column("share", "share"),
        Column("tokens beyond", "share"),
        Column("padding", "share", help=f"of what is read, in batches of {SHAPES} lengths"),
        Column("work", "share", help="padded tokens per epoch, compared with now"),
    ]
    caption = "What another max_length would mean for training texts"
    reads = f"; the backbone reads up to {most:,} tokens at once" if most else ""
    return Table(columns, rows, caption=f"{caption}{reads}.")
