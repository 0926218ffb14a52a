"""Text pairs in ONNX: the model cuts those that are too long, as `tokenizers` cuts them otherwise.

`tokenizers` takes turns from the longer text, KerasHub from the first: of two long texts and an odd
number of tokens, another one has the last. So `tokenizer.json` cuts no pair.

Shapes: B pairs, T tokens of the longest of them.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtc_keras.data.packing import SEGMENTS, Packing

if TYPE_CHECKING:
    import keras_hub


@dataclass(frozen=True)
class PairForm:
    """How a preprocessor packs a pair: start, first text, separator, second text, end.

    Args:
        start: int. Tokens before the first text.
        separator: int. Tokens between the texts; they belong to the first.
        end: int. Tokens after the second text, which belong to it.
        length: int. Most tokens of all together.
        is_round_robin: bool. Whether both texts are cut turn by turn, or the second one first.
        second_segment: int. What the backbone reads as the segment of the second text.
    """

    start: int
    separator: int
    end: int
    length: int
    is_round_robin: bool
    second_segment: int = 1

    @classmethod
    def of(cls, preprocessor: "keras_hub.models.TextClassifierPreprocessor") -> "PairForm":
        """Returns the form of a preprocessor."""
        packing = Packing(preprocessor)
        return cls(
            len(packing.start),
            len(packing.separator),
            len(packing.end),
            packing.max_length,
            packing.is_round_robin,
            packing.second_segment,
        )


def cut_pairs(inputs: dict[str, Any], form: PairForm) -> dict[str, Any]:
    """Returns pairs of no more tokens than a model reads, shorter ones as they are.

    Args:
        inputs: int32 of shape `(B, T)`: `token_ids`, `padding_mask` and `segment_ids`, which are 1
            in the second text; T may be any number.
        form: the `PairForm`.
    """
    import tensorflow as tf

    real = tf.reduce_sum(inputs["padding_mask"], axis=1, keepdims=True)  # (B, 1)
    in_second = inputs[SEGMENTS] * inputs["padding_mask"]
    second = tf.reduce_sum(in_second, axis=1, keepdims=True) - form.end
    first = real - second - form.end - form.start - form.separator
    room = form.length - form.start - form.separator - form.end
    most = tf.maximum((room + 1) // 2, room - second) if form.is_round_robin else room
    kept_first = tf.minimum(first, most)
    kept_second = tf.minimum(second, room - kept_first)
    places = tf.range(tf.minimum(tf.shape(in_second)[1], form.length))
    behind_first = form.start + kept_first
    behind_second = behind_first + form.separator + kept_second
    # A pair that is cut fills all places; of others nothing is left out.
    left_out = tf.where(places < behind_first, 0, first - kept_first)
    left_out += tf.where(places < behind_second, 0, second - kept_second)  # (B, T)
    read = inputs | {SEGMENTS: in_second * form.second_segment}
    return {
        name: tf.gather(values, places + left_out, batch_dims=1) for name, values in read.items()
    }
