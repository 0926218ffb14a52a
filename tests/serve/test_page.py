"""What a person sees of a model's answer to one text, in a browser."""

import pytest

from mtc_keras.tasks import Multiclass, Multilabel, Ordinal, Regression
from tests.serve.tried import FakeServer, card, predict, tried

TEXT = "Two hours in the queue, and then the clerk was rude to me."


def probabilities(server, task, text=TEXT):
    [row] = server.classify({"texts": [text], "columns": ["probabilities"]})["predictions"]
    return row[f"{task}_probabilities"]


def share(box, within):
    return (box["x"] + box["width"] / 2 - within["x"]) / within["width"]


@pytest.fixture(scope="module")
def shown(browser):
    """A page with the answer to a text, whose slider a test may move, and its server."""
    server = FakeServer()
    with tried(browser, server) as page:
        predict(page, TEXT)
        yield page, server


def test_every_task_answers_one_text_as_the_server_decided(shown):
    page, server = shown
    page.locator("#least").fill("0")
    assert page.title() == "tiny"
    facts = page.inner_text("#facts").split("\n")
    assert {"3", "ONNX", "4", "64 tokens"} <= set(facts)
    columns = ["labels", "confidence", "probabilities"]
    assert server.asked[-1] == ("classify", {"texts": [TEXT], "columns": columns})
    [row] = server.classify({"texts": [TEXT], "columns": columns})["predictions"]
    assert page.locator("section.task").count() == 4
    for task in ("mood", "stars"):
        decided = card(page, task).locator(".decision")
        assert decided.locator("strong").inner_text() == row[f"predicted_{task}"]
        assert f"{row[f'{task}_confidence']:.3f}" in decided.inner_text()
        chosen = card(page, task).locator(".chosen bdi").first.inner_text()
        assert chosen == row[f"predicted_{task}"]
    chosen = card(page, "topics").locator(".chosen .name bdi").all_inner_texts()
    assert sorted(chosen) == sorted(row["predicted_topics"]) and chosen
    assert card(page, "waiting").locator(".decision").inner_text() == str(len(TEXT))
    assert page.inner_text("#status").startswith(f"mood: {row['predicted_mood']}; topics: ")


def test_bars_are_as_long_as_probabilities_and_ticks_stand_at_thresholds(shown):
    page, server = shown
    known = probabilities(server, "topics")
    for bar in card(page, "topics").locator(".choice").all():
        name = bar.locator(".name bdi").inner_text()
        meter, level = bar.locator(".meter").bounding_box(), bar.locator(".level")
        long = level.bounding_box()["width"] / meter["width"]
        assert long == pytest.approx(known[name], abs=0.005)
        threshold = server.decisions["topics"].thresholds[name]
        tick = share(bar.locator(".tick").bounding_box(), meter)
        assert tick == pytest.approx(threshold, abs=0.005)
        assert f"from {threshold:.3f}" in bar.inner_text()
        assert f"{known[name]:.3f}" in bar.inner_text()
    assert card(page, "mood").locator(".tick").count() == 0


def test_classes_are_ranked_a_scale_keeps_its_order_and_both_names_are_shown(shown):
    page, server = shown
    known = probabilities(server, "mood")
    names = card(page, "mood").locator(".choice .name > bdi").all_inner_texts()
    assert names == sorted(known, key=known.get, reverse=True)
    assert "S2" in card(page, "mood").locator(".choice", has_text="neutral").inner_text()
    steps = card(page, "stars").locator("ol > .choice .name > bdi").all_inner_texts()
    assert steps == ["1", "2", "3", "4", "5"]


def test_the_slider_leaves_out_what_is_less_sure(shown):
    page, server = shown
    [row] = server.classify({"texts": [TEXT], "columns": ["confidence"]})["predictions"]
    decided = card(page, "mood").locator(".decision")
    below, above = [round(row["mood_confidence"] + more, 2) for more in (-0.02, 0.02)]
    page.locator("#least").fill(str(below))
    assert "left out" not in decided.inner_text()
    page.locator("#least").fill(str(above))
    assert "left out" in decided.inner_text()
    assert "mood" in page.inner_text("#abstained")
    assert page.inner_text("#least-value") == f"{above:.2f}"
    assert len(server.asked) == 2  # it asks nobody


def test_a_number_stands_on_the_range_of_the_trainings_numbers(browser):
    with tried(browser, FakeServer()) as page:
        for length, place in ((25, 0.4167), (100, 1.0)):
            predict(page, "x" * length)
            waiting = card(page, "waiting")
            line = waiting.locator(".range").bounding_box()
            at = share(waiting.locator(".at").bounding_box(), line)
            assert at == pytest.approx(place, abs=0.01)
            mean = share(waiting.locator(".range .tick").bounding_box(), line)
            assert mean == pytest.approx(0.5, abs=0.01)
            assert waiting.locator(".ends span").all_inner_texts() == ["0", "30", "60"]
            assert ("farther from the mean" in waiting.inner_text()) == (length == 100)


@pytest.mark.slow
def test_a_number_whose_range_nobody_knows_stands_alone(browser):
    with tried(browser, FakeServer(tasks=[Regression(name="waiting")])) as page:
        predict(page, TEXT)
        assert card(page, "waiting").locator(".range").count() == 0
        assert card(page, "waiting").locator(".decision").inner_text() == str(len(TEXT))
        assert page.locator("#abstain").is_hidden()


def test_a_button_colours_the_words_that_drove_a_label(browser):
    server = FakeServer()
    text = "Rude 😀 clerk <b>slow</b> queue"
    with tried(browser, server) as page:
        predict(page, text)
        mood = card(page, "mood")
        mood.get_by_label("towards").select_option("positive")
        mood.get_by_role("button", name="What drove mood").click()
        mood.locator(".explanation").wait_for()
        question = {"text": text, "task": "mood", "label": "positive"}
        assert server.asked[-1] == ("explain", question)
        assert mood.locator(".driven").inner_text() == text
        # The fake attributes 0.4, -0.2, 0.1333 … in turn, by characters: the face is one.
        assert mood.locator(".for").all_inner_texts() == ["Rude", "clerk", "queue"]
        assert mood.locator(".against").all_inner_texts() == ["😀", "<b>slow</b>"]
        strengths = mood.locator(".driven span").evaluate_all(
            "all => all.map(word => word.style.getPropertyValue('--strength'))"
        )
        assert strengths[:2] == ["100.00%", "50.00%"]
        facts = mood.locator(".explanation dd").all_inner_texts()
        assert facts[0].startswith("“Rude” +0.400, “clerk” +0.133") and "“😀” −0.200" in facts[1]
        assert mood.locator("[role=status] .explanation").count() == 1


@pytest.mark.slow
def test_a_number_is_explained_without_a_label_and_unread_words_are_told(browser):
    server = FakeServer()
    with tried(browser, server) as page:
        predict(page, "word " * 30)
        waiting = card(page, "waiting")
        waiting.get_by_role("button", name="What drove waiting").click()
        waiting.locator(".explanation").wait_for()
        assert server.asked[-1][1]["label"] is None
        assert waiting.locator("select").count() == 0
        assert waiting.locator(".unread").count() == 11  # the fake reads 20 of them
        assert "11 words not read" in waiting.inner_text()


def test_both_texts_of_a_pair_are_asked_and_explained(browser):
    server = FakeServer(text=["premise", "hypothesis"])
    with tried(browser, server) as page:
        page.get_by_label("premise").fill("It rains.")
        page.get_by_role("button", name="Predict").click()
        assert "“hypothesis” first" in page.inner_text("#problem")
        assert page.evaluate("document.activeElement.id") == "field-text_pair"
        page.keyboard.type("It is wet outside.")
        page.keyboard.press("Control+Enter")
        page.wait_for_selector("#answers:not([aria-busy])")
        assert server.asked[-1][1]["texts"] == [["It rains.", "It is wet outside."]]
        assert page.inner_text("#problem") == ""
        page.get_by_role("button", name="What drove mood").click()
        page.locator(".explanation").wait_for()
        assert server.asked[-1][1]["text"] == ["It rains.", "It is wet outside."]
        driven = page.locator(".driven").all_inner_texts()
        assert driven == ["It rains.", "It is wet outside."]


def test_of_many_classes_the_first_ten_are_shown_all_are_there_and_one_is_found(browser):
    names = {f"c{number}": f"intent {number}" for number in range(100)}
    tasks = [
        Multilabel(name="topics", classes=list(names), class_names=names),
        Multiclass(name="place", classes=list(names)),
        Ordinal(name="age", classes=[str(number) for number in range(100)]),
    ]
    with tried(browser, FakeServer(tasks=tasks)) as page:
        predict(page, TEXT)
        topics = card(page, "topics")
        bars = topics.locator(".choice")
        assert bars.count() == 10 and card(page, "age").locator(".chosen").count() == 1
        topics.get_by_role("button", name="Show all 100 classes").click()
        assert bars.count() == 100
        topics.get_by_role("button", name="Show 10 classes").click()
        find = topics.get_by_role("searchbox", name="Find a class of topics")
        find.fill("INTENT 9")
        assert bars.count() == 11 and "11 classes found" in topics.inner_text()
        find.fill("c77")  # the class that the config names
        assert topics.locator(".name > bdi").all_inner_texts() == ["intent 77"]
        find.fill("nothing")
        assert bars.count() == 0 and "0 classes found" in topics.inner_text()
        find.fill("")
        assert bars.count() == 10
        many = topics.locator(".decision").inner_text()
        assert "intent 0" in many and " more" in many and len(many) < 220


def test_a_new_version_is_told(browser):
    server = FakeServer()
    with tried(browser, server) as page:
        server.version, server.tasks = 4, server.tasks[:2]
        predict(page, TEXT)
        assert page.inner_text("#facts").split("\n")[1] == "4"
        assert page.locator("section.task").count() == 2
        assert page.get_by_label("text", exact=True).input_value() == TEXT
