"""The benchmark's tables and bars, from what its JSON holds."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

WIDTH = 110
MEBIBYTE = 1024**2
BUSY = 0.25  # of a core, by others
# What is to be reached on a CPU in float32: what is compared, where it stands, at least so much.
BARS = (
    ("training, rows/s over the tuned Trainer's", "ratios/Trainer, tuned/training", 1.15),
    (
        "training, rows/s over those of the Trainer padded to 128",
        "ratios/Trainer, padded to 128/training",
        2.5,
    ),
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
    table = Table(title="median of the rounds (lowest–highest)", title_justify="left")
    table.add_column("")
    for name in sides:
        table.add_column(name, justify="right")
    for action in ("training", "prediction"):
        table.add_section()
        for label, cells in measured_rows(result, action):
            table.add_row(f"{action}: {label}", *cells)
    table.add_section()
    for label, cells in costs(list(sides.values())):
        table.add_row(label, *cells)
    for name, measured in result["full_batches"].items():
        share = spread(measured["share_of_peak"], "%")
        empty = [""] * (len(sides) - 1)
        table.add_row(f"prediction of {name} tokens per row: of the matmul peak", share, *empty)
    peak = result["matmul_peak_flops_per_second"]["median"]
    table.caption = f"matmul peak in {result['arguments']['precision']}: {peak / 1e9:,.0f} GFLOP/s"
    if "whole_epoch" in result:
        share = result["whole_epoch"]["padding_share"]
        table.caption += f"; padding of a whole epoch: {share:.1%} of the slots"
    if result["compiled_while_timed"]:
        table.caption += f"; {result['compiled_while_timed']} programs were compiled while timed"
    return table


def measured_rows(result: dict[str, Any], action: str) -> Iterator[tuple[str, list[str]]]:
    """Yields the label and the cells of each row of an action."""
    sides = [side[action] for side in result["sides"].values()]
    yield "examples/s", [spread(side["examples_per_second"]) for side in sides]
    yield "real tokens/s", [spread(side["tokens_per_second"]) for side in sides]
    yield "padding", [f"{side['padding_share']:.1%}" for side in sides]
    yield "GFLOP/s", [spread(side["model_flops_per_second"], scale=1e-9) for side in sides]
    yield "of the matmul peak", [spread(side["share_of_peak"], "%") for side in sides]
    ratios = [result["ratios"].get(name, {}).get(action) for name in result["sides"]]
    if any(ratios):
        label = "speed-up over this" if ratios[0] is None else "over one model per task"
        if "1 head" in result["sides"]:
            label = "rate of 1 head over this"
        yield label, [spread(ratio) if ratio else "" for ratio in ratios]


def costs(sides: list[dict[str, Any]]) -> Iterator[tuple[str, list[str]]]:
    """Yields the label and the cells of memory, compile time and time to the first step."""
    memory = [side["peak_memory_bytes"] / MEBIBYTE for side in sides]
    yield "peak memory, MiB (of the process so far)", [f"{m:,.0f}" for m in memory]
    compiling = [side.get("compile_seconds") for side in sides]
    yield "compiling, s", ["" if c is None else f"{sum(c.values()):.1f}" for c in compiling]
    first = [side["seconds_to_first_step"] for side in sides]
    yield "start to first training step, s", ["" if s is None else f"{s:.1f}" for s in first]


def rows_table(rows: dict[str, Any]) -> Table:
    """Returns the cost of a row in each stage, by number of rows."""
    table = Table(title="microseconds per row", title_justify="left")
    table.add_column("rows", justify="right")
    stages = list(next(iter(rows.values()))["microseconds_per_row"])
    for stage in [*stages, "peak memory, MiB"]:
        table.add_column(stage, justify="right")
    for count, measured in rows.items():
        costs_per_row = [f"{cost:,.1f}" for cost in measured["microseconds_per_row"].values()]
        memory = f"{measured['peak_memory_bytes'] / MEBIBYTE:,.0f}"
        table.add_row(f"{int(count):,}", *costs_per_row, memory)
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


def spread(values: dict[str, float], unit: str = "", scale: float = 1.0) -> str:
    """Returns a median with the lowest and highest value in brackets."""
    factor = 100 * scale if unit == "%" else scale
    median, low, high = (number(factor * values[key]) for key in ("median", "low", "high"))
    return f"{median}{unit} ({low}–{high})"


def number(value: float) -> str:
    """Returns a number with three digits, or all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
