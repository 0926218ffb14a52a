"""What an output folder says of itself: what was predicted, how, and which parts are done."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mtc_keras.errors import ConfigError, DataError, plural
from mtc_keras.files import (
    PART,
    Format,
    json_line,
    readable_json,
    remove_leftovers,
    sha256,
    written_whole,
)
from mtc_keras.predict.bulk.job import BulkOptions
from mtc_keras.predict.bulk.survey import Survey
from mtc_keras.predict.predictor import Predictor

MANIFEST = "_manifest.json"
FORMAT = Format(migrations=(dict,))  # what 0.1 wrote has the number 1 already


@dataclass
class Manifest:
    """What an output folder says of itself.

    Args:
        identity: model, input and options, which must stay the same.
        parts: for each part that is done, by number: what `PartPredictor.predict` returned.
    """

    identity: dict[str, Any]
    parts: dict[int, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, survey: Survey, predictor: Predictor, options: BulkOptions) -> "Manifest":
        """Returns the manifest of a prediction that has not begun."""
        identity = {
            "format": FORMAT.number,
            "model": {"path": str(predictor.path), "sha256": predictor.fingerprint()},
            "inputs": survey.inputs,
            "options": options.identity,
            "rows": survey.rows,
            "bad_rows": survey.bad_rows.count,
            "parts_in_all": len(survey.parts),
        }
        return cls(json.loads(json_line(identity)))  # as it will be read back

    @property
    def rows_done(self) -> list[int]:
        """Rows of each part that is done."""
        return [record["rows"] for record in self.parts.values()]

    def add(self, record: dict[str, Any], folder: Path) -> None:
        """Notes that a part is done."""
        self.parts[record["part"]] = record
        self.save(folder)

    def save(self, folder: Path) -> None:
        """Writes it; the same parts give the same bytes."""
        parts = [self.parts[number] for number in sorted(self.parts)]
        finished = len(parts) == self.identity["parts_in_all"]
        with written_whole(folder / MANIFEST) as file:
            file.write(
                readable_json({**self.identity, "finished": finished, "parts": parts}).encode()
            )

    def take_over(self, folder: Path) -> list[str]:
        """Takes over the parts that are done and whole, and removes what was half written.

        Returns:
            Lines for people.

        Raises:
            ConfigError: if they belong to other input, another model or other options.
        """
        remove_leftovers(folder)
        (folder / f"{MANIFEST}{PART}").unlink(missing_ok=True)  # of version 0.1
        if not (folder / MANIFEST).is_file():
            return ["there is nothing to continue: prediction starts at its beginning"]
        try:
            found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            found = FORMAT.read(found, f"folder {str(folder)!r}")
            records = {record["part"]: record for record in found.pop("parts")}
            changes = _changes(found, self.identity)
        except DataError:  # of a newer version
            raise
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ConfigError(f"{str(folder / MANIFEST)!r} is damaged; start again") from None
        if changes:
            raise ConfigError(
                f"{str(folder)!r} belongs to another prediction; go back to that, or choose "
                "another folder",
                changes,
            )
        for path in folder.glob(f"*{PART}"):  # as version 0.1 named what it had not finished
            path.unlink()
        notes = []
        for number, record in records.items():
            path = folder / record["file"]
            if path.is_file() and sha256(path) == record["sha256"]:
                self.parts[number] = record
            else:
                notes.append(f"{path.name} is damaged or missing, and predicted again")
        done = f"{len(self.parts)} of {plural(self.identity['parts_in_all'], 'part')}"
        return [*notes, f"resumed: {done} done"]


def _changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Returns what has changed between the identities of two predictions."""
    problems = []
    if then["model"]["sha256"] != now["model"]["sha256"]:
        problems.append(f"the model: {then['model']['path']} then, changed or another one now")
    files = [{entry["file"]: entry["sha256"] for entry in side["inputs"]} for side in (then, now)]
    for path in dict.fromkeys([*files[0], *files[1]]):
        if path not in files[1]:
            problems.append(f"input file {path!r} is not given any more")
        elif path not in files[0]:
            problems.append(f"input file {path!r} was not there")
        elif files[0][path] != files[1][path]:
            problems.append(f"input file {path!r} has changed")
    if not problems and list(files[0]) != list(files[1]):
        problems.append("the input files are in another order")
    # Parts of the same files by another rule of what is a text would not fit together.
    if not problems and then["bad_rows"] != now["bad_rows"]:
        bad = f"{plural(then['bad_rows'], 'bad row')} then, {now['bad_rows']:,} now"
        problems.append(f"{bad}, in the same files: another version of mtc_keras wrote it")
    for name in {**then["options"], **now["options"]}:
        before, value = (side["options"].get(name) for side in (then, now))
        if before != value:
            problems.append(f"{name}: {json_line(before)} then, {json_line(value)} now")
    return problems
