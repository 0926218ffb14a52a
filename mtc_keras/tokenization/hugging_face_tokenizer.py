"""A KerasHub tokenizer around a tokenizer.json of Hugging Face's package `tokenizers`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import keras_hub
import numpy as np

from mtc_keras.tokenization.description import parse_description, rust_tokenizer
from mtc_keras.tokenization.texts import texts_of
from mtc_keras.tokenization.unspelt import UNSPELT, spelling, without_spelling

if TYPE_CHECKING:
    import tokenizers

ASSET = "tokenizer.json"


@keras.saving.register_keras_serializable("mtc_keras")
class HuggingFaceTokenizer(keras_hub.tokenizers.Tokenizer):
    """Reads texts as `transformers` reads them with a tokenizer.json.

    It serves what KerasHub has no tokenizer of its own for: byte pairs with a pattern of their
    own, word pieces with other words than BERT's. Special tokens that a text spells stay text.

    It runs in Python; inside a graph of `tf.data`, Python is called. So it is no part of a
    SavedModel: export such a model as ONNX.

    Args:
        tokenizer_json: str. The content of the file; `None` where it is loaded as an asset.
        start_token: optional str. The token before a text.
        end_token: optional str. The token after a text.
        pad_token: str. The token that fills up a batch.
        unk_token: optional str. The token of what is not in the vocabulary.
        mask_token: optional str. The token that hides others in pretraining.
        separator: optional sequence of str. The tokens between the texts of a pair; default: the
            end token.
        second_segment: int. The segment of a pair's second text; the first one's is 0.
        dtype: an integer type of the token ids.
        **kwargs: arguments of `keras_hub.tokenizers.Tokenizer`.

    Raises:
        ValueError: if the content is no tokenizer.json, or lacks one of the tokens.
    """

    roles = ("start_token", "end_token", "pad_token", "unk_token", "mask_token")

    def __init__(
        self,
        tokenizer_json: str | None = None,
        *,
        start_token: str | None,
        end_token: str | None,
        pad_token: str,
        unk_token: str | None = None,
        mask_token: str | None = None,
        separator: Sequence[str] | None = None,
        second_segment: int = 1,
        dtype: str = "int32",
        **kwargs: Any,
    ) -> None:
        super().__init__(dtype=dtype, **kwargs)
        self.start_token, self.end_token, self.pad_token = start_token, end_token, pad_token
        self.unk_token, self.mask_token = unk_token, mask_token
        end = [end_token] if end_token is not None else []
        self.separator = end if separator is None else list(separator)
        self.second_segment = second_segment
        self.file_assets = [ASSET]
        self.set_tokenizer_json(tokenizer_json)

    def set_tokenizer_json(self, tokenizer_json: str | None) -> None:
        """Sets what the tokenizer reads by: the content of a tokenizer.json."""
        self._fast: tokenizers.Tokenizer | None = None
        self._ids: dict[str, int] = {}
        if tokenizer_json is not None:
            described = parse_description(tokenizer_json)
            fast = rust_tokenizer(json.dumps(without_spelling(described, self.special_tokens)))
            self._ids = {spelling(name): i for name, i in fast.get_vocab().items()}
            self._fast = fast
        for role in self.roles:
            token = getattr(self, role)
            known = self._fast is not None and token is not None
            setattr(self, f"{role}_id", self.token_to_id(token) if known else None)

    @property
    def fast(self) -> "tokenizers.Tokenizer":
        """The `tokenizers.Tokenizer` that reads texts, without special tokens around them."""
        if self._fast is None:
            raise ValueError("The tokenizer has no vocabulary yet: load its tokenizer.json")
        return self._fast

    @property
    def special_tokens(self) -> list[str]:
        """The tokens that have a role."""
        tokens = (getattr(self, role) for role in self.roles)
        return list(dict.fromkeys(token for token in tokens if token is not None))

    @property
    def special_token_ids(self) -> list[int]:
        """The ids of `special_tokens`."""
        return [self.token_to_id(token) for token in self.special_tokens]

    def get_vocabulary(self) -> list[str]:
        """Returns all tokens by id, "" for an id that none has."""
        tokens = [""] * self.vocabulary_size()
        for token, number in self._ids.items():
            tokens[number] = token
        return tokens

    def vocabulary_size(self) -> int:
        """Returns one more than the largest id."""
        return max(self.fast.get_vocab().values(), default=-1) + 1

    def id_to_token(self, id: int) -> str:
        """Returns the token of an id."""
        name = self.fast.id_to_token(int(id))
        if name is None:
            raise ValueError(f"No token has the id {id}.")
        return spelling(name)

    def token_to_id(self, token: str) -> int:
        """Returns the id of a token."""
        if token not in self._ids:
            raise ValueError(f"The token {token!r} is not in the vocabulary of the tokenizer.json.")
        return self._ids[token]

    def tokenize(self, inputs: Any) -> Any:
        """Returns the ids of the tokens of a text, or of each of several.

        Args:
            inputs: a string, a sequence or a tensor of N strings.

        Returns:
            Of one string an array of shape `(tokens,)`, of several N lists, in a graph a
            `tf.RaggedTensor`.
        """
        if self._use_tf_workflow():
            return self._in_graph(inputs)
        texts, is_one = texts_of(inputs)
        rows = self._rows(texts)
        return np.asarray(rows[0], self.compute_dtype) if is_one else rows

    def call(self, inputs: Any, *args: Any, training: Any = None, **kwargs: Any) -> Any:
        return self.tokenize(inputs, *args, **kwargs)

    def detokenize(self, inputs: Any) -> Any:
        """Returns the text of token ids, or of each of several rows of them."""
        if hasattr(inputs, "to_list"):  # of TensorFlow, rows of different lengths
            inputs = inputs.to_list()
        rows = inputs if isinstance(inputs, list) else np.asarray(inputs).tolist()
        if not rows or isinstance(rows[0], int):
            return self.fast.decode(rows)
        return self.fast.decode_batch([list(row) for row in rows])

    def save_assets(self, dir_path: str) -> None:
        (Path(dir_path) / ASSET).write_text(self.fast.to_str(), encoding="utf-8")

    def load_assets(self, dir_path: str) -> None:
        self.set_tokenizer_json((Path(dir_path) / ASSET).read_text(encoding="utf-8"))

    def get_config(self) -> dict[str, Any]:
        roles = {role: getattr(self, role) for role in self.roles}
        return {
            **super().get_config(),
            "tokenizer_json": None,  # which is an asset
            **roles,
            "separator": list(self.separator),
            "second_segment": self.second_segment,
        }

    def compute_output_spec(self, input_spec: Any, *args: Any, **kwargs: Any) -> keras.KerasTensor:
        return keras.KerasTensor((*input_spec.shape, None), dtype=self.compute_dtype)

    def _rows(self, texts: Sequence[str]) -> list[list[int]]:
        plain = [text.replace(UNSPELT, "") for text in texts]
        found = self.fast.encode_batch_fast(plain, add_special_tokens=False)
        return [encoding.ids for encoding in found]

    def _in_graph(self, inputs: Any) -> Any:
        import tensorflow as tf

        def read(encoded: Any) -> tuple[np.ndarray, np.ndarray]:
            rows = self._rows([text.decode("utf-8", "replace") for text in encoded.tolist()])
            flat = [token for row in rows for token in row]
            return np.asarray(flat, self.compute_dtype), np.asarray([*map(len, rows)], "int64")

        inputs = tf.convert_to_tensor(inputs)
        rank = inputs.shape.rank
        if rank is None or rank > 1:
            raise ValueError(f"The inputs must be a string or a row of strings. Received: {inputs}")
        texts = inputs if rank else tf.expand_dims(inputs, 0)
        flat, lengths = tf.numpy_function(read, [texts], [self.compute_dtype, "int64"])
        flat.set_shape([None])
        lengths.set_shape(texts.shape)
        return tf.RaggedTensor.from_row_lengths(flat, lengths) if rank else flat
