"""What a folder says of its tokenizer beside the vocabulary: its class, its special tokens.

Defaults are those of the classes of `transformers`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mtc_keras.tokenization.folder import ADDED, CONFIG, SPECIAL, Folder

BERT = {"cls": "[CLS]", "sep": "[SEP]", "pad": "[PAD]", "unk": "[UNK]", "mask": "[MASK]"}
ROBERTA = {"cls": "<s>", "sep": "</s>", "pad": "<pad>", "unk": "<unk>", "mask": "<mask>"}
ALBERT = {**BERT, "pad": "<pad>", "unk": "<unk>"}
# By the class of `transformers`, the kind of its vocabulary and the special tokens.
CLASSES: dict[str, tuple[str, dict[str, str]]] = {
    "BertTokenizer": ("WordPiece", BERT),
    "DistilBertTokenizer": ("WordPiece", BERT),
    "ElectraTokenizer": ("WordPiece", BERT),
    "RobertaTokenizer": ("BPE", ROBERTA),
    "XLMRobertaTokenizer": ("Unigram", ROBERTA),
    "CamembertTokenizer": ("Unigram", ROBERTA),
    "AlbertTokenizer": ("Unigram", ALBERT),
    "DebertaV2Tokenizer": ("Unigram", BERT),
}
CLASS_OF_MODEL = {
    "bert": "BertTokenizer",
    "distilbert": "DistilBertTokenizer",
    "electra": "ElectraTokenizer",
    "roberta": "RobertaTokenizer",
    "xlm-roberta": "XLMRobertaTokenizer",
    "camembert": "CamembertTokenizer",
    "albert": "AlbertTokenizer",
    "deberta-v2": "DebertaV2Tokenizer",
}
# Names of the classes that read by the tokenizer.json alone.
ANY_CLASS = ("PreTrainedTokenizer", "TokenizersBackend")
# Where a role has no token, the name of the one that may stand in.
INSTEAD = {"cls": "bos", "sep": "eos"}
ROLES = ("cls", "sep", "pad", "unk", "mask", "bos", "eos")


@dataclass(frozen=True)
class Settings:
    """What the files beside the vocabulary say.

    Args:
        class_name: the class of `transformers` without "Fast"; `None` for one that reads by the
            tokenizer.json alone, or that is not known here.
        roles: the special tokens by `ROLES`, as far as they are known.
        options: the content of tokenizer_config.json.
        added: further tokens by id, each with what `tokenizers` says of added tokens.
        in_texts: special tokens that users have added for their texts.
        pad_id: optional int. The padding's id by config.json.
    """

    class_name: str | None
    roles: Mapping[str, str]
    options: Mapping[str, Any]
    added: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    in_texts: frozenset[str] = frozenset()
    pad_id: int | None = None

    @property
    def model(self) -> str | None:
        """The kind of vocabulary that the class has, such as `"WordPiece"`."""
        return None if self.class_name is None else CLASSES[self.class_name][0]

    def flag(self, name: str, default: bool | None) -> bool | None:
        """Returns a setting that is true or false.

        Raises:
            ValueError: if it is something else.
        """
        found = self.options.get(name, default)
        if found is not None and not isinstance(found, bool):
            raise ValueError(f"{CONFIG}: {name} is {found!r:.80}, and must be true or false")
        return found


def read_settings(folder: Folder, model_type: str, config: Mapping[str, Any]) -> Settings:
    """Returns what the files beside the vocabulary say.

    Args:
        folder: the `Folder`.
        model_type: the `model_type` of its config.json.
        config: the content of its config.json.

    Raises:
        ValueError: what is wrong with which of them.
    """
    options, special = folder.table(CONFIG), folder.table(SPECIAL)
    stated = options.get("tokenizer_class") or config.get("tokenizer_class")
    name = str(stated or CLASS_OF_MODEL.get(model_type)).removesuffix("Fast")
    # Another class, perhaps of remote code, is taken for the one that such models usually have.
    usual = None if name in ANY_CLASS else CLASS_OF_MODEL.get(model_type)
    class_name = name if name in CLASSES else usual
    roles = dict(CLASSES[class_name][1]) if class_name else {}
    for table in (special, options):
        for role in ROLES:
            token = _content(table.get(f"{role}_token"))
            if token is not None:
                roles[role] = token
    for role, other in INSTEAD.items():
        if role not in roles and other in roles:
            roles[role] = roles[other]
    in_texts: set[str] = set()
    for table in (special, options):
        for key in ("additional_special_tokens", "extra_special_tokens"):
            tokens = table.get(key)
            tokens = [*tokens.values()] if isinstance(tokens, dict) else tokens
            tokens = tokens if isinstance(tokens, list) else []
            in_texts |= {token for token in map(_content, tokens) if token is not None}
    pad_id = config.get("pad_token_id")
    return Settings(
        class_name,
        roles,
        options,
        _added(options, folder),
        in_texts=frozenset(in_texts - {*roles.values()}),
        pad_id=pad_id if type(pad_id) is int else None,
    )


def _added(options: Mapping[str, Any], folder: Folder) -> dict[int, dict[str, Any]]:
    """Returns the tokens that two files name besides the vocabulary."""
    found: dict[int, dict[str, Any]] = {}
    for name, number in folder.table(ADDED).items():
        if type(number) is int:
            found[number] = {"content": name}
    decoder = options.get("added_tokens_decoder")
    for key, token in (decoder if isinstance(decoder, dict) else {}).items():
        content = _content(token)
        if content is not None and str(key).isdecimal():
            found[int(key)] = {**(token if isinstance(token, dict) else {}), "content": content}
    return found


def _content(token: Any) -> str | None:
    """Returns the text of a token, which is written alone or as a table."""
    token = token.get("content") if isinstance(token, dict) else token
    return token if isinstance(token, str) and token else None
