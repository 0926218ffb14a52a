"""`init_config`: the text of a config, which trains as it stands."""

import csv
import re
import tomllib

import pytest

from mtc_keras import DataError, check_config, fit, init_config, load_config
from tests.conftest import ROOT, tiny_backbone
from tests.init.tables import cycle, sentence, write_csv, write_jsonl

QUICKSTART = str(ROOT / "configs/data/public_services/train.jsonl")


def trained(text: str, tmp_path):
    """Trains the config of a text on a tiny backbone for one epoch; returns the run."""
    path = tmp_path / "first.toml"
    path.write_text(text, encoding="utf-8")
    overrides = [f"model.backbone={tiny_backbone()}", "training.epochs=1"]
    config = load_config(path, [*overrides, f"output.directory={tmp_path / 'run'}"])
    return fit(config, verbose=0)


@pytest.mark.parametrize(
    "columns",
    [
        {
            "stars": cycle(1, 2, 3, 4, 5),
            "score": [row * 0.7 for row in range(40)],
            "t": cycle(0, 1),
        },
        {"a": cycle(0, 1), "b": cycle(0, 0, 1), "c": [0] * 40, "topic": cycle("x", "y", "")},
    ],
    ids=["ordinal and regression", "wide"],
)
def test_a_table_trains_as_it_stands(tmp_path, columns):
    run = trained(init_config(write_csv(tmp_path / "t.csv", columns)).text, tmp_path)
    assert run.metrics["validation"]


def test_the_quickstart_trains_as_it_stands(tmp_path):
    first = init_config(QUICKSTART, rows=False)
    kinds = {name: task.kind for name, task in first.config.tasks.items()}
    assert kinds == {"global_score": "multiclass", "emotions": "multilabel", "causes": "multilabel"}
    assert first.config.data.validation.endswith("validation.jsonl")
    assert first.config.data.test.endswith("test.jsonl")
    assert trained(first.text, tmp_path).metrics["test"]


def test_rows_that_cannot_be_split_train_without_validation(tmp_path):
    rows = "".join(f"The clerk was kind,{topic}\n" for topic in cycle("bus", "fee", rows=9))
    (tmp_path / "t.csv").write_text(f"text,topic\n{rows}")
    first = init_config(tmp_path / "t.csv")
    assert first.config.data.validation is None
    assert any("too few rows" in note for note in first.notes)
    assert trained(first.text, tmp_path).metrics


def test_the_text_holds_the_config(tmp_path):
    columns = {'a "b" = [c]': cycle("x", "y"), "tag_1": cycle("é", "ü"), "tag_2": cycle("", "é")}
    first = init_config(write_csv(tmp_path / "tâble.csv", columns))
    assert check_config(tomllib.loads(first.text)) == first.config
    assert first.config.tasks["a_b_c"].column == 'a "b" = [c]'


def test_three_rows_are_shown_as_they_are_read(tmp_path):
    path = write_csv(tmp_path / "t.csv", {"stars": cycle("4.0", "5.0", "1.0", "2.0", "3.0")})
    shown = re.findall(r"# row (.*?)  text \"(.*)\"\n#     stars → (.*)\n", init_config(path).text)
    assert shown == [(f"{path}:{row + 2}", sentence(row), f'"{"451"[row]}"') for row in range(3)]


def test_a_shown_text_is_short_and_on_one_line(tmp_path):
    with (tmp_path / "t.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "topic"])
        writer.writerows(
            [f"a\n[data]\r{row}\x1b " + "long " * 50, "xy"[row % 2]] for row in range(9)
        )
    first = init_config(tmp_path / "t.csv")
    assert check_config(tomllib.loads(first.text)) == first.config
    [row, *_] = [line for line in first.text.splitlines() if line.startswith("# row")]
    assert r'text "a [data]\r0\x1b long' in row and row.endswith('…"')
    assert "# row" not in init_config(tmp_path / "t.csv", rows=False).text


def test_files_beside_the_training_file_are_used_where_they_fit(tmp_path):
    write_csv(tmp_path / "train.csv", {"topic": cycle("a", "b")})
    write_csv(tmp_path / "dev.csv", {"topic": cycle("a", "b", rows=9)})
    write_csv(tmp_path / "test.csv", {"other": ["no label here"] * 9})
    first = init_config(tmp_path / "train.csv")
    assert first.config.data.validation == str(tmp_path / "dev.csv")
    assert first.config.data.test is None
    assert any("test.csv is not used as test" in note for note in first.notes)


def test_classes_that_training_does_not_know_are_ignored_and_told(tmp_path):
    write_csv(tmp_path / "my_train.csv", {"topic": cycle("a", "b")})
    write_csv(tmp_path / "my_test.csv", {"topic": cycle("a", "b", "zzz", rows=9)})
    first = init_config(tmp_path / "my_train.csv")
    assert first.config.data.test and first.config.tasks["topic"].unknown_classes == "ignore"
    assert any("does not know" in note for note in first.notes)


def test_given_files_are_sorted_into_splits_by_their_names(tmp_path):
    files = [
        write_csv(tmp_path / name, {"topic": cycle("a", "b")})
        for name in ("part-1.csv", "part-2.csv", "float_valid.csv")
    ]
    data = init_config(files).config.data
    assert (data.train, data.validation) == ([str(files[0]), str(files[1])], str(files[2]))


def test_ids_weights_and_groups_are_no_labels(tmp_path):
    columns = {
        "comment_id": [f"c{row}" for row in range(60)],
        "sample_weight": cycle(1, 2, rows=60),
        "document": [f"d{row // 3}" for row in range(60)],
        "topic": cycle("a", "b", rows=60),
    }
    config = init_config(write_csv(tmp_path / "t.csv", columns)).config
    assert list(config.tasks) == ["topic"]
    found = (config.data.id, config.data.weight, config.data.group)
    assert found == ("comment_id", "sample_weight", "document")


def test_groups_that_leave_no_validation_are_dropped(tmp_path):
    # Every author shares a text with the next one, so that all of them are one group.
    lines = [
        f"The queue was long {row // 2},a{(row + 1) // 2 % 30},{'xy'[row % 2]}" for row in range(60)
    ]
    (tmp_path / "t.csv").write_text("text,author_id,topic\n" + "\n".join(lines))
    first = init_config(tmp_path / "t.csv")
    assert first.config.data.group is None and first.config.data.validation
    assert any("author_id" in note for note in first.notes)


def test_a_column_called_weight_that_holds_other_things_weighs_nothing(tmp_path):
    columns = {"weight": cycle("heavy", "light"), "topic": cycle("a", "b", "c")}
    first = init_config(write_csv(tmp_path / "t.csv", columns))
    assert first.config.data.rename == {"weight": "weight_column"}


def test_two_text_columns(tmp_path):
    title = [f"About {row}" for row in range(40)]
    first = init_config(write_csv(tmp_path / "t.csv", {"title": title, "topic": cycle("a", "b")}))
    assert first.config.data.text == "text"
    assert '# text = ["title", "text"]  # reads both as a text pair' in first.text
    pairs = {"sentence1": title, "sentence2": [f"Not {row} at all" for row in range(40)]}
    lines = [f"{a},{b},{row % 2}" for row, (a, b) in enumerate(zip(*pairs.values(), strict=True))]
    (tmp_path / "pairs.csv").write_text("sentence1,sentence2,label\n" + "\n".join(lines))
    assert init_config(tmp_path / "pairs.csv").config.data.text == ["sentence1", "sentence2"]


def test_sizes_follow_from_words_and_rows(tmp_path):
    small = init_config(write_csv(tmp_path / "s.csv", {"topic": cycle("a", "b")})).config
    long = {"body": ["The clerk of the office " * 60 + str(row) for row in range(3000)]}
    columns = {**long, "topic": cycle("a", "b", rows=3000)}
    large = init_config(write_jsonl(tmp_path / "l.jsonl", columns)).config
    assert large.data.text == "body"
    assert (small.model.max_length, large.model.max_length) == (32, 384)
    assert small.training.epochs > large.training.epochs
    assert small.training.batch_size < large.training.batch_size


def test_texts_in_another_language_name_backbones_that_know_it(tmp_path):
    french = [
        f"Le guichet de la mairie est fermé et il pleut dans la rue {row}" for row in range(40)
    ]
    (tmp_path / "t.csv").write_text(
        "texte,sujet\n" + "\n".join(f"{text},{'xy'[row % 2]}" for row, text in enumerate(french))
    )
    first = init_config(tmp_path / "t.csv")
    [note] = [note for note in first.notes if "look French" in note]
    assert '"hf://almanach/camembert-base" or "hf://intfloat/multilingual-e5-small"' in note
    assert "docs/backbones.md" in note


def test_the_output_directory_is_free(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "reviews.csv", {"topic": cycle("a", "b")})
    (tmp_path / "runs/reviews").mkdir(parents=True)
    assert init_config("reviews.csv").config.output.directory == "runs/reviews_2"


@pytest.mark.parametrize("content", ["", "text,topic\n"], ids=["empty", "header"])
def test_a_file_without_rows_is_refused(tmp_path, content):
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(DataError, match="holds no rows"):
        init_config(tmp_path / "t.csv")
