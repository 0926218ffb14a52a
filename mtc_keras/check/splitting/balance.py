"""How near the parts of a split come to what was wanted of each class of each task."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mtc_keras.console.listing import Listing, more
from mtc_keras.data.strata import Strata

MOST_SHOWN = 20  # strata in the terminal; the file has all


@dataclass(frozen=True)
class StratumShares:
    """The rows of one stratum in each part.

    Args:
        task: the task.
        label: the class, or a range of numbers; `None` for all labelled rows of the task.
        rows: int. Its rows in all.
        wanted: for each part its share of these, by the size that was asked for.
        got: for each part the rows that it has.
    """

    task: str
    label: str | None
    rows: int
    wanted: tuple[float, ...]
    got: tuple[int, ...]

    @property
    def name(self) -> str:
        """What it is called, for people."""
        return f"{self.task}: {'(labelled)' if self.label is None else self.label}"

    def deviation(self, part: int, sizes: Sequence[int]) -> float:
        """Returns by how much its share of a part differs from that of all rows, in points."""
        return self.got[part] / max(sizes[part], 1) - self.rows / max(sum(sizes), 1)


@dataclass(frozen=True)
class Balance:
    """All strata of a split.

    Args:
        names: the parts.
        asked: the rows that were asked for, by part.
        sizes: the rows that they have and that have a text.
        strata: one for each class of each task, and one for the labelled rows of each.
    """

    names: tuple[str, ...]
    asked: tuple[int, ...]
    sizes: tuple[int, ...]
    strata: tuple[StratumShares, ...]

    @classmethod
    def of(
        cls,
        strata: Strata,
        parts: Sequence[np.ndarray],
        names: Sequence[str],
        asked: Sequence[int],
    ) -> "Balance":
        """Counts the strata in the rows of each part."""
        counts = strata.indicator.sum(axis=0)
        got = np.stack([strata.indicator[rows].sum(axis=0) for rows in parts])  # (parts, C)
        shares = np.array(asked) / sum(asked)
        found = tuple(
            StratumShares(
                stratum.task,
                stratum.label,
                int(counts[at]),
                tuple(round(float(share * counts[at]), 1) for share in shares),
                tuple(got[:, at].tolist()),
            )
            for at, stratum in enumerate(strata.of)
        )
        return cls(tuple(names), tuple(asked), tuple(map(len, parts)), found)

    @property
    def largest(self) -> tuple[StratumShares, int] | None:
        """The stratum and the part whose shares of rows differ most from those of all rows."""
        pairs = [(stratum, at) for stratum in self.strata for at in range(len(self.names))]
        return max(pairs, key=self._deviation, default=None)

    @property
    def in_train_alone(self) -> list[StratumShares]:
        """The classes that no other part has, the rarest first."""
        found = [s for s in self.strata if s.label is not None and s.rows and s.got[0] == s.rows]
        return sorted(found, key=lambda stratum: stratum.rows)

    def to_dict(self) -> dict[str, Any]:
        """Returns the numbers as JSON values."""
        largest = self.largest
        return {
            "parts": [
                {"name": name, "asked": asked, "rows": size}
                for name, asked, size in zip(self.names, self.asked, self.sizes, strict=True)
            ],
            "strata": [
                {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(s).items()}
                for s in self.strata
            ],
            "largest_deviation": largest
            and {
                "task": largest[0].task,
                "label": largest[0].label,
                "part": self.names[largest[1]],
                "share": round(largest[0].got[largest[1]] / max(self.sizes[largest[1]], 1), 4),
                "share_of_all": round(largest[0].rows / max(sum(self.sizes), 1), 4),
            },
        }

    def table(self) -> Listing:
        """Returns a table with a row per stratum: of many, those that differ most."""
        strata = [s for s in self.strata if s.rows]
        shown = strata
        if len(strata) > MOST_SHOWN:
            by_part = range(len(self.names))
            worst = sorted(strata, key=lambda s: -max(self._deviation((s, at)) for at in by_part))
            shown = [s for s in strata if s in worst[:MOST_SHOWN]]
        table = Listing(
            "rows of each part: got (wanted)",
            ["task and class", "rows", *self.names],
            note=more(len(shown), len(strata), "row", "these differ most, split.json has all"),
        )
        sizes = zip(self.sizes, self.asked, strict=True)
        table.add_row(
            "(all rows)", f"{sum(self.sizes):,}", *(f"{got:,} ({asked:,})" for got, asked in sizes)
        )
        for stratum in shown:
            pairs = zip(stratum.got, stratum.wanted, strict=True)
            cells = [f"{got:,} ({wanted:,.1f})" for got, wanted in pairs]
            table.add_row(stratum.name, f"{stratum.rows:,}", *cells)
        return table

    @property
    def note(self) -> str:
        """A line on the largest deviation."""
        if not self.largest or not any(s.rows for s in self.strata):
            return ""
        stratum, part = self.largest
        share = stratum.got[part] / max(self.sizes[part], 1)
        return (
            f"largest deviation: {stratum.name} is {share:.1%} of {self.names[part]} and "
            f"{stratum.rows / max(sum(self.sizes), 1):.1%} of all rows"
        )

    def _deviation(self, pair: tuple[StratumShares, int]) -> float:
        return abs(pair[0].deviation(pair[1], self.sizes))
