"""What makes a backbone's inputs of texts, where no preprocessor of KerasHub fits."""

from collections.abc import Collection, Sequence
from typing import Any

import keras
import keras_hub

# KerasHub's families of preprocessors, and whether theirs tell segments.
FAMILIES = {
    "Albert": True,
    "Bert": True,
    "DebertaV3": False,
    "DistilBert": False,
    "Roberta": False,
    "XLMRoberta": False,
}
ROBERTAS = ("Roberta", "XLMRoberta")  # two tokens between texts, and one segment


@keras.saving.register_keras_serializable("mtc_keras")
class TextPreprocessor(keras_hub.models.TextClassifierPreprocessor):
    """Puts special tokens around texts as a checkpoint was trained with them.

    KerasHub has such a class per family; this one has what differs between them as arguments.

    Args:
        tokenizer: a `keras_hub.tokenizers.Tokenizer` with a `pad_token_id`.
        start: sequence of str. The special tokens before a text.
        end: sequence of str. Those after the last text.
        separator: sequence of str. Those between the texts of a pair; default: `end`.
        segment_ids: bool. Whether the backbone is told which segment a token is of.
        second_segment: int. The segment of a pair's second text; the first one's is 0.
        **kwargs: arguments of `keras_hub.models.TextClassifierPreprocessor`.
    """

    def __init__(
        self,
        tokenizer: keras_hub.tokenizers.Tokenizer,
        *,
        start: Sequence[str],
        end: Sequence[str],
        separator: Sequence[str] | None = None,
        segment_ids: bool = False,
        second_segment: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(tokenizer, **kwargs)
        self.start, self.end = list(start), list(end)
        self.separator = self.end if separator is None else list(separator)
        self.segment_ids, self.second_segment = segment_ids, second_segment

    def build(self, input_shape: Any) -> None:
        def ids(tokens: Sequence[str]) -> list[int]:
            return [int(self.tokenizer.token_to_id(token)) for token in tokens]

        self.packer = keras_hub.layers.MultiSegmentPacker(
            start_value=ids(self.start),
            end_value=ids(self.end),
            sep_value=ids(self.separator),
            pad_value=self.tokenizer.pad_token_id,
            truncate=self.truncate,
            sequence_length=self.sequence_length,
        )
        self.built = True

    def call(self, x: Any, y: Any = None, sample_weight: Any = None) -> Any:
        output = super().call(x, y=y, sample_weight=sample_weight)
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(output)
        if not self.segment_ids:
            del x["segment_ids"]
        elif self.second_segment != 1:
            x["segment_ids"] = x["segment_ids"] * self.second_segment
        return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "start": list(self.start),
            "end": list(self.end),
            "separator": list(self.separator),
            "segment_ids": self.segment_ids,
            "second_segment": self.second_segment,
        }


def preprocessor_for(
    tokenizer: keras_hub.tokenizers.Tokenizer, inputs: Collection[str]
) -> keras_hub.models.TextClassifierPreprocessor:
    """Returns what makes a backbone's inputs of texts.

    Args:
        tokenizer: what `tokenization.reading.read_tokenizer` returns.
        inputs: the names of the backbone's inputs: `token_ids`, `padding_mask`, and
            `segment_ids` where it has them.

    Returns:
        KerasHub's `TextClassifierPreprocessor` of that tokenizer's family where it makes these
        inputs, else a `TextPreprocessor`.
    """
    has_segments = "segment_ids" in inputs
    family = type(tokenizer).__name__.removesuffix("Tokenizer")
    if family == "Bert" and not has_segments:
        family = "DistilBert"  # the same tokens around texts
    if family in FAMILIES and FAMILIES[family] == has_segments:
        return getattr(keras_hub.models, f"{family}TextClassifierPreprocessor")(tokenizer)
    start, end = tokenizer.start_token, tokenizer.end_token
    ends = [end] if end is not None else []
    as_roberta = family in ROBERTAS
    return TextPreprocessor(
        tokenizer,
        start=[start] if start is not None else [],
        end=ends,
        separator=getattr(tokenizer, "separator", ends * 2 if as_roberta else ends),
        segment_ids=has_segments,
        second_segment=getattr(tokenizer, "second_segment", 0 if as_roberta else 1),
    )
