"""The part of a report on how to get the run again: commands, config, data, versions, machine."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from mtc_keras.pages import Block, Column, Details, Facts, Paragraph, Part, Section, Table
from mtc_keras.report.account import Account
from mtc_keras.report.settings import Setting, settings

GIGABYTE = 2**30


def how_to_reproduce(account: Account) -> list[Part]:
    """Returns the commands, config, data files, versions and machine of a run."""
    commands, stages = _commands(account), seconds_by_stage(account)
    known = settings(account.config)
    changed = [one for one in known if not one.is_default]
    others = [one for one in known if one.is_default]
    environment = account.environment
    blocks: list[Block] = [
        Paragraph(
            "The same config, data files, versions and seed give the same model on the same kind "
            "of machine; another processor rounds in another way, which moves the last digits."
        ),
        Table([Column("to"), Column("command")], list(commands.items())),
        Facts(_facts(account, stages)),
        Details(
            f"The config: {len(changed)} of {len(known)} keys are not at their default",
            [_config_table(changed), Details("Keys at their default", [_config_table(others)])],
        ),
        _data_files(environment.get("data_sha256", {})),
        _named("Versions", "package", "version", environment.get("versions", {})),
    ]
    part = Part(
        Section("How to reproduce", blocks, id="reproduction"),
        values={
            "commands": commands,
            "config": account.config.to_dict(),
            "environment": environment,
            "seconds": stages,
        },
    )
    return [part]


def _commands(account: Account) -> dict[str, str]:
    run = shlex.quote(account.config.output.directory)
    again = shlex.quote(f"{account.config.output.directory.rstrip('/')}_again")
    config = shlex.quote(f"{account.config.output.directory.rstrip('/')}/config.toml")
    return {
        "train it again": f"mtc-keras train --config {config} --set output.directory={again}",
        "judge it on other rows": f"mtc-keras evaluate --model {run} --data FILE",
        "write this page again": f"mtc-keras report {run}",
        "compare it with that": f"mtc-keras report {run} {again} --out compare.html",
    }


def seconds_by_stage(account: Account) -> dict[str, float]:
    """Returns how long a training took, by its stages, in their order."""
    seconds = account.environment.get("seconds", {})
    epochs = [line["seconds"] for line in account.history if _is_number(line.get("seconds"))]
    end, total = seconds.get("to_last_epoch"), seconds.get("in_all")
    found: dict[str, float] = {}
    if _is_number(end) and epochs and end >= sum(epochs):
        found["reading, building and compiling"] = end - sum(epochs)
        found[f"{len(epochs)} epochs" if len(epochs) > 1 else "1 epoch"] = sum(epochs)
    elif _is_number(end):
        found["up to the last epoch"] = end
    if _is_number(end) and _is_number(total):
        found["deciding, judging and writing"] = max(total - end, 0.0)
        found["in all"] = total
    return found


def _facts(account: Account, stages: Mapping[str, float]) -> list[tuple[str, str]]:
    environment, config = account.environment, account.config
    machine = environment.get("machine") or {}
    facts = [("seed", str(config.seed)), ("backbone", config.model.backbone)]
    if processor := machine.get("processor"):
        facts.append(("processor", f"{processor}, {machine.get('cores')} cores"))
    if memory := machine.get("memory"):
        facts.append(("memory", f"{memory / GIGABYTE:.0f} GiB"))
    if system := machine.get("system"):
        facts.append(("system", system))
    facts.append(("device", str(environment.get("device", "not recorded"))))
    facts += [(stage, f"{seconds:,.1f} s") for stage, seconds in stages.items()]
    return facts


def _config_table(found: Sequence[Setting]) -> Table:
    return Table([Column("key"), Column("value")], [[one.key, one.shown] for one in found])


def _data_files(sums: Mapping[str, str]) -> Block:
    if not sums:
        return Paragraph("The rows were handed over in memory: no file of theirs is known.")
    return _named("Data files", "file", "SHA-256", sums)


def _named(title: str, name: str, value: str, found: Mapping[str, Any]) -> Details:
    rows = [[key, str(content)] for key, content in found.items()]
    return Details(f"{title} ({len(rows)})", [Table([Column(name), Column(value)], rows)])


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
