"""Trainings with very many heads or classes, here with few."""

import pytest

from benchmarks import many


@pytest.mark.parametrize(
    "arguments", [["--heads", "3"], ["--classes", "12", "--kind", "multilabel"]]
)
def test_a_training_is_timed_from_its_rows_to_its_report(arguments, monkeypatch, capsys):
    monkeypatch.setattr(many, "ROWS", {"heads": 64, "classes": 64})
    monkeypatch.setattr(many, "VALIDATION", {"heads": 24, "classes": 24})
    monkeypatch.setattr(many, "ENCODER", {**many.ENCODER, "hidden_dim": 8, "intermediate_dim": 8})
    assert many.main(arguments) == 0
    said = capsys.readouterr().out
    assert "| train_model |" in said and "| report |" in said
    assert "most memory: " in said
