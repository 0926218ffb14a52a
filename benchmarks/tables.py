"""The benchmark's tables and bars, from what its JSON holds."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

WIDTH = 110
MEBIBYTE = 1024**2
BUSY = 0.25  # of a core, by others
# What is shown of a side's training and prediction: its label, its key, and how it is scaled.
RATES = (
    ("examples/s", "examples_per_second", 1, ""),
    ("real tokens/s", "tokens_per_second", 1, ""),
    ("padding", "padding_share", 100, "%"),
    ("GFLOP/s", "model_flops_per_second", 1e-9, ""),
    ("of the matmul peak", "share_of_peak", 100, "%"),
)
# What is to be reached on a CPU in float32: what is compared, where it stands, at least so much.
BARS = (
    ("training, rows/s over the tuned Trainer's", "ratios/Trainer, tuned/training", 1.25),
    ("training, rows/s over the padded Trainer's", "ratios/Trainer, padded to 128/training", 2.5),
    ("prediction, rows/s over the tuned Trainer's", "ratios/Trainer, tuned/prediction", 1.0),
    ("prediction of 32 tokens per row, share of the matmul peak", "full_batches/32", 0.85),
    ("prediction of 128 tokens per row, share of the matmul peak", "full_batches/128", 0.85),
    ("training, rows/s of one model over those of three", "ratios/one model/training", 2.7),
    ("training, rate with 100 heads over that with one", "ratios/100 heads/training", 1 / 1.05),
)


def show(result: dict[str, Any]) -> None:
    """Prints the tables of a result of `benchmarks.speed`."""
    console = Console(width=WIDTH, highlight=False)
    load = result["load_average_before"][0]
    console.print(f"{result['device']}, {result['cores']} cores, load average before: {load:.1f}")
    if load > BUSY * result["cores"]:
        console.print("The machine was busy with other work: these numbers mean little.")
    if "rows" in result:
        console.print(rows_table(result["rows"]))
    else:
        console.print(sides_table(result))
    if result["bars"]:
        console.print(bars_table(result["bars"]))


def sides_table(result: dict[str, Any]) -> Table:
    """Returns the rates, ratios and costs of all sides; medians, in brackets all rounds."""
    sides = result["sides"]
    measured = list(sides.values())
    table = Table(title="median of the rounds (lowest–highest)", title_justify="left")
    table.add_column("")
    for name in sides:
        table.add_column(name, justify="right")
    for action in ("training", "prediction"):
        table.add_section()
        for label, key, factor, unit in RATES:
            cells = (shown(side[action][key], factor, unit) for side in measured)
            table.add_row(f"{action}: {label}", *cells)
        ratios = [result["ratios"].get(name, {}).get(action) for name in sides]
        if any(ratios):
            label = "speed-up over this" if ratios[0] is None else "over one model per task"
            if "1 head" in sides:
                label = "rate of 1 head over this"
            table.add_row(f"{action}: {label}", *map(shown, ratios))
    table.add_section()
    memory = (shown(side["peak_memory_bytes"], 1 / MEBIBYTE) for side in measured)
    table.add_row("peak memory, MiB (of the process so far)", *memory)
    compiling = (side.get("compile_seconds") for side in measured)  # unknown of a peer
    table.add_row("compiling, s", *(c and shown(sum(c.values())) for c in compiling))
    first = (shown(side["seconds_to_first_step"]) for side in measured)
    table.add_row("start to first training step, s", *first)
    for name, full in result["full_batches"].items():
        label = f"prediction of {name} tokens per row: of the matmul peak"
        table.add_row(label, shown(full["share_of_peak"], 100, "%"))
    peak = result["matmul_peak_flops_per_second"]["median"]
    table.caption = f"matmul peak in {result['arguments']['precision']}: {peak / 1e9:,.0f} GFLOP/s"
    if "whole_epoch" in result:
        share = result["whole_epoch"]["padding_share"]
        table.caption += f"; padding of a whole epoch: {share:.1%} of the slots"
    if result["compiled_while_timed"]:
        table.caption += f"; {result['compiled_while_timed']} programs were compiled while timed"
    return table


def rows_table(rows: dict[str, Any]) -> Table:
    """Returns the cost of a row in each stage, by number of rows."""
    stages = list(next(iter(rows.values()))["microseconds_per_row"])
    table = Table(title="microseconds per row", title_justify="left")
    for column in ("rows", *stages, "peak memory, MiB"):
        table.add_column(column, justify="right")
    for count, measured in rows.items():
        costs = [f"{cost:,.1f}" for cost in measured["microseconds_per_row"].values()]
        memory = shown(measured["peak_memory_bytes"], 1 / MEBIBYTE)
        table.add_row(f"{int(count):,}", *costs, memory)
    return table


def bars(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yields each bar that was measured, its number, and whether it is met."""
    for what, place, bar in BARS:
        found: Any = result
        for key in place.split("/"):
            found = found.get(key, {})
        found = found.get("share_of_peak", found).get("median")
        if found is None or ("three" in what and len(result["sides"]) != 4):
            continue
        yield {"what": what, "measured": found, "bar": f"≥ {bar:.3g}", "met": found >= bar}


def bars_table(bars: list[dict[str, Any]]) -> Table:
    """Returns what was to be reached and was measured."""
    table = Table("bar (for float32 on a CPU)", "measured", "needed", "")
    for bar in bars:
        met = "met" if bar["met"] else "missed"
        table.add_row(bar["what"], f"{bar['measured']:.3f}", bar["bar"], met)
    return table


def shown(value: dict[str, float] | float | None, factor: float = 1, unit: str = "") -> str:
    """Returns a number, or a median with the lowest and highest value in brackets."""
    if value is None:
        return ""
    if not isinstance(value, dict):
        return number(factor * value) + unit
    median, low, high = (number(factor * value[key]) for key in ("median", "low", "high"))
    return f"{median}{unit} ({low}–{high})"


def number(value: float) -> str:
    """Returns a number with three digits, or all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
