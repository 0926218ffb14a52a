"""What makes a backbone's inputs of texts, where no preprocessor of KerasHub fits."""

from collections.abc import Sequence
from typing import Any

import keras
import keras_hub


@keras.saving.register_keras_serializable("mtc_keras")
class TextPreprocessor(keras_hub.models.TextClassifierPreprocessor):
    """Puts special tokens around texts as a checkpoint was trained with them.

    KerasHub has such a class per family; this one has what differs between them as arguments.

    Args:
        tokenizer: a `keras_hub.tokenizers.Tokenizer` with a `pad_token_id`.
        start: sequence of str. The special tokens before a text.
        end: sequence of str. Those after the last text.
        separator: sequence of str. Those between the texts of a pair; default: `end`.
        segment_ids: bool. Whether the backbone is told which text of a pair a token is of.
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
        **kwargs: Any,
    ) -> None:
        super().__init__(tokenizer, **kwargs)
        self.start, self.end = list(start), list(end)
        self.separator = self.end if separator is None else list(separator)
        self.segment_ids = segment_ids

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
        if self.segment_ids:
            return output
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(output)
        del x["segment_ids"]
        return keras.utils.pack_x_y_sample_weight(x, y, sample_weight)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "start": list(self.start),
            "end": list(self.end),
            "separator": list(self.separator),
            "segment_ids": self.segment_ids,
        }
