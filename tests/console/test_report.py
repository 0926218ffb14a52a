"""What people see: a bar on a terminal, lines elsewhere, tables with the baseline beside."""

import io

import pytest

from mtc_keras.console.log import Log, plain_console
from mtc_keras.console.progress import Progress, RowProgress
from mtc_keras.console.scores import class_tables, show_scores
from mtc_keras.tasks import Multiclass, Multilabel, Regression

LOGS = {"loss": 7.25, "scenario_loss": 2.5, "intent_loss": 4.25, "slots_loss": 0.5}


def terminal(width: int) -> Log:
    log = Log()
    log.screen = plain_console(
        file=io.StringIO(), force_terminal=True, width=width, legacy_windows=False, _environ={}
    )
    return log


def test_a_narrow_terminal_cuts_the_losses_and_never_the_steps():
    log = terminal(80)
    progress = Progress(log, "epoch 1/3", steps=43, rows_per_step=32, losses=list(LOGS))
    progress.shown = 0
    progress.step(7, LOGS)
    progress.bar.refresh()
    shown = log.screen.file.getvalue()
    assert " 7/43" in shown and "rows/s" in shown and "loss 7.250" in shown
    progress.close(LOGS)
    assert progress._losses(LOGS) == "loss 7.250 (scenario 2.500, intent 4.250, slots 0.500)"


def test_an_interrupted_bar_gives_the_cursor_back():
    log = terminal(80)
    with pytest.raises(KeyboardInterrupt), log:
        Progress(log, "epoch 1/3", steps=43, rows_per_step=32, losses=["loss"])
        raise KeyboardInterrupt
    hidden, shown = "\x1b[?25l", "\x1b[?25h"
    written = log.screen.file.getvalue()
    assert hidden in written and written.rindex(shown) > written.rindex(hidden)


def test_class_names_are_shown_as_they_are(capsys):
    task = Multilabel(name="t", classes=["[/x]", ":smile:"])
    values = {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 1}
    metrics = {"rows": 2, "loss": 1.0, "accuracy": 1.0, "f1_micro": 1.0, "f1_macro": 1.0}
    metrics["classes"] = {"[/x]": values, ":smile:": values}
    evaluation = {"tasks": {"t": metrics}, "overall": {}, "score": 1.0}
    show_scores(Log(), "[/] test", [task], evaluation, evaluation, verbose=True)
    shown = capsys.readouterr().out
    assert "[/] test: score" in shown and "[/x]" in shown and ":smile:" in shown


def test_a_table_of_classes_shows_the_names_that_people_see():
    task = Multiclass(name="t", classes=["S1", "S2"], class_names={"S1": "good"})
    values = {"precision": 0.5, "recall": 0.5, "f1": 0.5, "support": 1}
    evaluation = {"tasks": {"t": {"classes": {"S1": values, "S2": values}}}}
    (table,) = class_tables([task], evaluation)
    assert [row[0] for row in table.rows] == ["good", "S2"]


def test_without_a_terminal_there_are_plain_lines(capsys):
    progress = Progress(Log(), "epoch 1/3", steps=43, rows_per_step=32, losses=["loss"])
    progress.step(1, LOGS)
    assert capsys.readouterr().out == ""
    progress.shown = 0
    progress.step(2, LOGS)
    progress.close(LOGS)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("epoch 1/3: step 2/43, ") and lines[0].endswith("loss 7.250")
    assert lines[1].startswith("epoch 1/3: 2 steps in ")
    assert "\x1b" not in "".join(lines)


def test_steps_reported_out_of_order_do_not_go_back(capsys):
    progress = Progress(Log(), "epoch 1/3", steps=43, rows_per_step=32, losses=["loss"])
    for done in (1, 3, 2):
        progress.shown = 0
        progress.step(done, {"loss": float(done)})
    progress.close(LOGS)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines[:2]] == [f"epoch 1/3: step {n}/43" for n in (1, 3)]
    assert lines[2].startswith("epoch 1/3: 3 steps in ")


def test_a_prediction_shows_its_rate_and_the_time_left(capsys):
    progress = RowProgress(Log(), "predicting", rows=4000, first=1000)
    progress.advance(10)
    assert capsys.readouterr().out == ""
    progress.started -= 10
    progress.shown = 0
    progress.advance(990)
    progress.close()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("predicting: 2,000/4,000 rows, ")
    assert lines[0].endswith(" rows/s, 20 s left")
    assert lines[1].startswith("predicting: 1,000 rows in 10.")


def test_a_terminal_shows_rows_and_their_rate_as_a_bar():
    log = terminal(80)
    with log:
        progress = RowProgress(log, "predicting", rows=4000)
        progress.advance(1000)
        progress.bar.refresh()
        shown = log.screen.file.getvalue()
        assert "1,000/4,000 rows" in shown and "rows/s" in shown
        progress.close()
    assert log.bar is None


def test_a_log_file_holds_what_the_screen_showed_and_quiet_is_quiet(tmp_path, capsys):
    with Log(tmp_path / "train.log", quiet=True) as log:
        log.line("epoch [1] done")
    assert (tmp_path / "train.log").read_text() == "epoch [1] done\n"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("rows", [0, 5])
def test_tables_show_each_kinds_own_metrics_beside_the_baseline(rows, capsys):
    tasks = [Multilabel(name="topics", classes=["a", "b"]), Regression(name="stars")]
    scores = {"accuracy": 0.5, "f1_micro": 0.75, "f1_macro": 0.25, "loss": 0.125, "rows": 5}
    values = {"mae": 1.5, "rmse": 2.5, "r2": float("nan"), "loss": 3.5, "rows": 5}
    constant = {"tasks": {"topics": {**scores, "f1_micro": 0.125}, "stars": values}}
    found = {"topics": scores if rows else None, "stars": values}
    evaluation = {"tasks": found, "overall": {"f1_micro": 0.75, "f1_macro": 0.25}, "score": 0.625}
    show_scores(Log(), "test", tasks, evaluation, constant)
    shown = capsys.readouterr().out
    assert "test: score 0.6250" in shown
    assert "F1 micro 0.7500, F1 macro 0.2500" in shown
    assert ("0.7500 (0.1250)" in shown) == bool(rows)
    assert "1.5000 (1.5000)" in shown and "– (–)" in shown
