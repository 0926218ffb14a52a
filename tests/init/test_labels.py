"""What `init_config` takes columns for."""

import pytest

from mtc_keras import DataError, init_config
from tests.init.tables import cycle, sentence, write_csv, write_jsonl


def tasks_of(path) -> dict:
    """Returns the tables of the tasks of a file's first config."""
    config = init_config(path).config.to_dict()
    return {name: task_keys(task) for name, task in config["tasks"].items()}


def task_keys(task: dict) -> dict:
    keys = ("kind", "column", "classes", "separator", "missing", "labels", "decimal")
    found = {key: task[key] for key in keys if key in task}
    return {key: value for key, value in found.items() if (key, value) != ("separator", "|")}


VOTERS = {"ann_1": "hate", "ann_2": "none", "ann_3": ""}
STARS = {"kind": "ordinal", "classes": ["1", "2", "3", "4", "5"]}


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"topic": cycle("bus", "fee", "door")}, {"topic": {"kind": "multiclass"}}),
        ({"toxic": cycle(0, 0, 1)}, {"toxic": {"kind": "multiclass"}}),
        ({"stars": cycle(1, 5, 3, 2, 4)}, {"stars": STARS}),
        ({"stars": cycle("1.0", "5.0", "", "3.0", "2.0", "4.0")}, {"stars": STARS}),
        ({"label": cycle(0, 1, 2)}, {"label": {"kind": "multiclass"}}),
        (
            {"label": cycle("0", "1", "-1", "2")},
            {"label": {"kind": "multiclass", "missing": ["-1"]}},
        ),
        (
            {"priority": cycle("High", "low", "medium")},
            {"priority": {"kind": "ordinal", "classes": ["low", "medium", "High"]}},
        ),
        (
            {"score": [round(row * 0.37 % 5, 2) for row in range(40)]},
            {"score": {"kind": "regression"}},
        ),
        (
            {"genres": cycle("drama, war", "comedy", "war, comedy", "drama")},
            {"genres": {"kind": "multilabel", "separator": ","}},
        ),
        ({"tags": cycle("a|b", "b", "a|c", "c")}, {"tags": {"kind": "multilabel"}}),
        (
            {"topic": cycle("bus", "?", "fee", "N/A")},
            {"topic": {"kind": "multiclass", "missing": ["?", "N/A"]}},
        ),
        (
            {"toxic": cycle(0, 1, 0), "insult": cycle(0, 0, 1, 1), "threat": cycle(0, 0, 0, 1)},
            {"labels": {"kind": "multilabel", "column": ["toxic", "insult", "threat"]}},
        ),
        (
            {"emo_joy": cycle("True", "False"), "emo_fear": cycle("False", "True", "False")},
            {"emo": {"kind": "multilabel", "column": ["emo_joy", "emo_fear"]}},
        ),
        (
            {"tag_1": cycle("net", "bill", "app"), "tag_2": cycle("bug", "", "net")},
            {"tag": {"kind": "multilabel", "column": ["tag_1", "tag_2"]}},
        ),
        (
            {"note": cycle("1,5", "2", "3,5", "1,25")},
            {"note": {"kind": "regression", "decimal": ","}},
        ),
        (
            {"topic": cycle("bus", "fee", '{"choices": ["bus", "fee"]}', "bus")},
            {"topic": {"kind": "multilabel"}},
        ),
        (
            {"avis": cycle("Satisfait", "Très satisfait", "Très insatisfait")},
            {
                "avis": {
                    "kind": "ordinal",
                    "classes": ["Très insatisfait", "Satisfait", "Très satisfait"],
                }
            },
        ),
        (
            {"q1": cycle("good", "bad", "fair"), "q2": cycle("good", "good", "bad", "bad", "fair")},
            {"q1": {"kind": "multiclass"}, "q2": {"kind": "multiclass"}},
        ),
        ({"Étiquette n°1": cycle("a", "b")}, {"etiquette_n1": None}),
        ({"1": cycle("a", "b"), "row": cycle("c", "d")}, {"label_1": None, "label_row": None}),
        (
            {"Topic": cycle("a", "b"), "topic": cycle("c", "d", "e")},
            {"topic": None, "topic_2": None},
        ),
        (
            {"mood": cycle("negative", "positive", "neutral")},
            {"mood": {"kind": "multiclass"}},
        ),
        (
            {name: cycle("hate", "none", "none", shift) for name, shift in VOTERS.items()},
            {"label": {"kind": "multiclass", "column": [*VOTERS], "labels": "votes"}},
        ),
        (
            {"rater_1": cycle(1, 2, 3), "rater_2": cycle(1, 3, 3, 2)},
            {
                "label": {
                    "kind": "ordinal",
                    "column": ["rater_1", "rater_2"],
                    "classes": ["1", "2", "3"],
                    "labels": "votes",
                }
            },
        ),
        (
            {"joy": cycle(0.7, 0.1), "fear": cycle(0.2, 0.3), "none": cycle(0.1, 0.6)},
            {
                "label": {
                    "kind": "multiclass",
                    "column": ["joy", "fear", "none"],
                    "labels": "probabilities",
                }
            },
        ),
        ({"genres": cycle("['a', 'b']", "[]", "['b']")}, {"genres": {"kind": "multilabel"}}),
        (
            {"votes": cycle("['a', 'a', 'b']", "['b', 'b', 'b']")},
            {"votes": {"kind": "multiclass", "labels": "votes"}},
        ),
        (
            {"label": cycle(0, 1, 2), "label_text": cycle("bus", "fee", "door")},
            {"label_text": {"kind": "multiclass"}},
        ),
    ],
    ids=lambda value: "+".join(value),
)
def test_columns_of_csv(tmp_path, columns, expected):
    found = tasks_of(write_csv(tmp_path / "table.csv", columns))
    assert list(found) == list(expected)
    for name, table in expected.items():
        assert table is None or found[name] == table


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"emotions": cycle(["joy"], [], ["joy", "fear"])}, {"emotions": {"kind": "multilabel"}}),
        (
            {"emotions": cycle({"joy": 1, "fear": 0}, {"joy": 0})},
            {"emotions": {"kind": "multilabel"}},
        ),
        (
            {"bits": cycle([0, 1, 0], [1, 1, 0], [0, 0, 1])},
            {"bits": {"kind": "multilabel", "column": "bits[0:3]"}},
        ),
        ({"toxic": cycle(True, False, None)}, {"toxic": {"kind": "multiclass"}}),
        ({"topic": cycle("None", "bus", None)}, {"topic": {"kind": "multiclass"}}),
        (
            {"labels": cycle({"mood": "good", "topic": "bus"}, {"mood": "bad", "topic": "fee"})},
            {
                "mood": {"kind": "multiclass", "column": "labels.mood"},
                "topic": {"kind": "multiclass", "column": "labels.topic"},
            },
        ),
        (
            {
                "answers": cycle(
                    [{"completed_by": 1, "label": "a", "id": 7}],
                    [{"completed_by": 2, "label": "b", "id": 9}],
                )
            },
            {"label": {"kind": "multiclass", "column": "answers[].label"}},
        ),
        (
            {"genres": cycle([{"id": 1, "name": "a"}, {"id": 2, "name": "b"}], [])},
            {"name": {"kind": "multilabel", "column": "genres[].name"}},
        ),
        (
            {
                "votes": cycle(
                    [{"user": 1, "label": "a"}, {"user": 2, "label": "b"}],
                    [{"user": 2, "label": "a"}],
                )
            },
            {"votes": {"kind": "multiclass", "labels": "votes"}},
        ),
        (
            {"probs": cycle({"a": 0.7, "b": 0.3}, {"a": 0.2, "b": 0.8})},
            {"probs": {"kind": "multiclass", "labels": "probabilities"}},
        ),
        (
            {"counts": cycle({"a": 3, "b": 1}, {"a": 0, "b": 4})},
            {"counts": {"kind": "multiclass", "labels": "votes"}},
        ),
    ],
    ids=lambda value: "+".join(value),
)
def test_cells_of_json(tmp_path, columns, expected):
    assert tasks_of(write_jsonl(tmp_path / "table.jsonl", columns)) == expected


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (["same"] * 40, "the same in every row"),
        ([f"{row + 1}" for row in range(40)], "a number of its own in every row"),
        ([f"2024-01-{row % 28 + 1:02}" for row in range(40)], "dates or times"),
        ([f"https://example.org/{row % 9}" for row in range(40)], "addresses"),
        ([f"a{row}b" for row in range(40)], "a text of its own in almost every row"),
        ([""] * 40, "holds nothing"),
        (cycle("1,5", "2,5", "3,5", "4,5 or 5"), "decimal comma"),
        ([f"${row + 1:,}" for row in range(980, 1020)], "a sign such as $"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_column_that_is_no_label_is_left_out_with_the_reason(tmp_path, cells, why):
    path = write_csv(tmp_path / "t.csv", {"other": cells, "topic": cycle("a", "b", rows=40)})
    first = init_config(path)
    assert list(first.config.tasks) == ["topic"]
    assert any("'other'" in note and why in note for note in first.notes)
    assert "# not used: 'other'" in first.text


def test_more_than_a_thousand_classes_are_no_label(tmp_path):
    words = [f"w{row % 1500:x}" for row in range(4500)]
    path = write_csv(tmp_path / "t.csv", {"word": words, "topic": cycle("a", "b", rows=4500)})
    first = init_config(path)
    assert list(first.config.tasks) == ["topic"]
    assert "more than 1,000 different texts" in " ".join(first.notes)


def test_without_labels_the_error_says_what_each_column_holds(tmp_path):
    path = write_csv(tmp_path / "t.csv", {"n": list(range(40)), "same": ["x"] * 40})
    with pytest.raises(DataError) as caught:
        init_config(path)
    assert "no column holds labels that recur" in str(caught.value)
    for seen in ("'text': texts", "'n': a number of its own", "'same': holds the same"):
        assert f"column {seen}" in str(caught.value)


def test_without_texts_the_error_names_the_columns(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n" + "1,2\n2,3\n" * 10)
    with pytest.raises(DataError, match=r"no column holds texts\. Columns: 'a', 'b'"):
        init_config(tmp_path / "t.csv")


def test_a_name_that_tells_who_or_where_is_a_label_only_where_there_is_no_other(tmp_path):
    country = {"country": cycle("FR", "DE", "IT")}
    both = init_config(write_csv(tmp_path / "both.csv", {**country, "topic": cycle("a", "b")}))
    assert list(both.config.tasks) == ["topic"]
    assert "[tasks.country]" in " ".join(both.notes)
    alone = init_config(write_csv(tmp_path / "alone.csv", country))
    assert list(alone.config.tasks) == ["country"]
    assert alone.notes[0].startswith("unsure: tasks.country: the name")


def test_who_wrote_and_what_a_text_is_about_are_no_texts_and_no_labels(tmp_path):
    columns = {
        "topic": cycle("a", "b"),
        "user_name": [f"Ann Lee {row % 30}" for row in range(40)],
        "app_version": cycle("1.0.2", "1.1.0"),
    }
    first = init_config(write_csv(tmp_path / "t.csv", columns))
    assert list(first.config.tasks) == ["topic"]
    assert "text = [" not in first.text and "all hold texts" not in first.text


def test_many_numbered_columns_of_numbers_are_features(tmp_path):
    numbers = {
        f"emb_{at}": [f"{row * (at + 1) % 7 - 3.25}" for row in range(40)] for at in range(9)
    }
    first = init_config(write_csv(tmp_path / "t.csv", {**numbers, "topic": cycle("a", "b")}))
    assert list(first.config.tasks) == ["topic"]
    assert "'emb_8': numbers in many numbered columns" in " ".join(first.notes)


def test_rows_whose_cell_of_names_is_blank_are_told(tmp_path):
    columns = {"tags": cycle("a|b", "", "b", "a")}
    first = init_config(write_csv(tmp_path / "t.csv", columns))
    assert "tasks.tags: 10 of 40 rows are blank" in first.notes[0]
    assert 'empty_cell = "none"' in first.notes[0]


def test_what_is_not_sure_stands_above_its_task(tmp_path):
    first = init_config(write_csv(tmp_path / "t.csv", {"label": cycle(0, 1, 2, 3, 4, 5)}))
    lines = first.text.splitlines()
    assert lines[lines.index("[tasks.label]") - 1].startswith("# unsure: ")


def test_texts_that_recur_are_texts(tmp_path):
    texts = [sentence(row // 3) for row in range(60)]
    lines = [f"{text},{row % 3}" for row, text in enumerate(texts)]
    (tmp_path / "t.csv").write_text("comment_text,label\n" + "\n".join(lines))
    assert init_config(tmp_path / "t.csv").config.data.text == "comment_text"
