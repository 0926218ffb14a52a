"""What is done before the first request, so that it need not wait for it."""

from mtc_keras.predict.predictor import Predictor


def warm(predictor: Predictor) -> None:
    """Computes texts of each length and number that a request may have, as far as that costs."""
    columns = len(predictor.data.text_columns)
    for rows in (1, 2, 4, 8, 16, 32):
        predictor.predict(tuple([["good"] * rows] * columns))
