"""The benchmark of serving counts what it says, and shows it."""

from benchmarks import serving


def found(**changes):
    numbers = {
        "size_bytes": 91_234_567,
        "load_seconds": 3.25,
        "first_request_seconds": 1.2344,
        "later_request_seconds": 0.00456,
        "rows_per_second_10": 1234.5,
        "rows_per_second_32": 432.1,
        "rows_per_second_64": 98.7,
        "peak_memory_bytes": 1_234_567_890,
    }
    return {**numbers, **changes}


def test_the_table_has_a_column_a_way():
    ways = {"saved_model": found(), "int8": found(size_bytes=23_000_000)}
    lines = serving.table({"ways": ways}).splitlines()
    assert lines[:3] == [
        "|  | SavedModel | ONNX int8 |",
        "| --- | --- | --- |",
        "| size, MB | 91.2 | 23.0 |",
    ]
    cells = [line.split(" | ")[1] for line in lines[3:]]
    assert cells == ["3.2", "1,234", "4.6", "1,234", "432", "99", "1,235"]


def test_its_texts_differ_and_have_the_lengths_it_names():
    for tokens in serving.LENGTHS:
        texts = serving.texts_of(tokens, 256)
        assert len(set(texts)) == 256
        assert {len(text.split()) for text in texts} == {tokens - 2}  # and two special tokens


def test_it_measures_a_way(monkeypatch):
    asked = []
    monkeypatch.setattr(serving, "open_way", lambda way, path: asked.append)
    numbers = serving.measure("onnx", "x", 40)
    assert {"size_bytes", *numbers} == set(found())
    assert [len(texts) for texts in asked] == [1] * serving.REQUESTS + [40] * 12
    assert numbers["rows_per_second_32"] > 0 and numbers["peak_memory_bytes"] > 2**20


def test_its_size_is_that_of_what_is_loaded(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_bytes(b"12345")
    (tmp_path / "log").write_bytes(b"123")
    assert serving.size_of("jax", tmp_path) == 5
    assert serving.size_of("onnx", tmp_path) == 8
