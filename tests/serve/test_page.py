"""What a person sees of a served model, in a browser."""

from tests.serve.tried import FakeServer, tried

TEXT = "Two hours in the queue, and then the clerk was rude to me."


def predict(page, text=TEXT):
    page.get_by_label("text", exact=True).fill(text)
    page.get_by_role("button", name="Predict").click()
    page.wait_for_function("!document.getElementById('answers').hidden")


def card(page, task):
    return page.locator("section.task").filter(has=page.locator("h3", has_text=task))


def test_every_task_answers_one_text_as_the_server_decided(browser):
    server = FakeServer()
    with tried(browser, server) as page:
        assert page.title() == "tiny"
        assert "ONNX" in page.inner_text("#facts") and "64 tokens" in page.inner_text("#facts")
        predict(page)
        [row] = server.classify({"texts": [TEXT], "columns": ["labels", "confidence"]})[
            "predictions"
        ]
        assert page.locator("section.task").count() == 4
        assert row["predicted_mood"] in card(page, "mood").locator(".decision strong").inner_text()
        chosen = card(page, "topics").locator(".chosen .name bdi").all_inner_texts()
        assert sorted(chosen) == sorted(row["predicted_topics"]) and chosen
        assert card(page, "stars").locator(".chosen bdi").inner_text() == row["predicted_stars"]
        steps = card(page, "stars").locator(".choice .name bdi").all_inner_texts()
        assert steps == ["1", "2", "3", "4", "5"]  # a scale keeps its order
        assert card(page, "waiting").locator(".decision").inner_text() == str(len(TEXT))
        assert server.asked[-1][1]["texts"] == [TEXT]
