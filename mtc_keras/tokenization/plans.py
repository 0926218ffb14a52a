"""How a folder's tokenizer is read, decided before anything of Keras is imported."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mtc_keras.errors import listed, plural
from mtc_keras.tokenization.description import parse_description, vocabulary_of
from mtc_keras.tokenization.folder import BYTE_PAIRS, FAST, SENTENCE_PIECES, WORD_PIECES, Folder
from mtc_keras.tokenization.old_files import described_old_files, sentence_pieces
from mtc_keras.tokenization.sentence_piece_files import (
    Layout,
    description_of_proto,
    in_order_of_xlm_roberta,
    layout_of,
    prepared,
    proto_of,
)
from mtc_keras.tokenization.settings import Settings, read_settings
from mtc_keras.tokenization.template import Template, template_of
from mtc_keras.tokenization.word_piece_files import bert_arguments, with_bert_options

SAVE_AGAIN = (
    "in Python, transformers.AutoTokenizer.from_pretrained(…).save_pretrained(folder) writes them"
)
LAYOUTS: dict[str, Layout] = {
    "XLMRobertaTokenizer": "XLMRoberta",
    "CamembertTokenizer": "XLMRoberta",
    "AlbertTokenizer": "Albert",
    "DebertaV2Tokenizer": "DebertaV3",
}
SHOWN = 3  # tokens in a note


@dataclass(frozen=True)
class Plan:
    """How a folder's tokenizer is read: by one of three.

    Args:
        template: the special tokens around texts.
        notes: what is to be told, one line each.
        word_pieces: the arguments of a KerasHub `BertTokenizer`.
        proto: a SentencePiece model, and the beginning of its tokenizer's name in KerasHub.
        described: the content of a tokenizer.json, and the special tokens by role.
    """

    template: Template
    notes: tuple[str, ...] = ()
    word_pieces: Mapping[str, Any] | None = None
    proto: tuple[Layout, bytes] | None = None
    described: tuple[dict[str, Any], dict[str, str]] | None = None


def plan_of(preset: str, model_type: str, config: Mapping[str, Any]) -> Plan:
    """Decides how the tokenizer of a Hugging Face folder is read.

    As `transformers` does, tokenizer.json goes before older files.

    Args:
        preset: the folder, or a hub's name such as `"hf://…"`.
        model_type: the `model_type` of its config.json.
        config: the content of its config.json.

    Raises:
        ValueError: what is missing or wrong, with the name of the file.
    """
    folder = Folder(preset)
    settings = read_settings(folder, model_type, config)
    content = folder.text(FAST)
    if content is None:
        proto = sentence_pieces(folder)
        if proto is not None:
            return _of_proto(proto, settings)
        described = described_old_files(folder)
        if described is None:
            raise ValueError(_missing(settings))
    else:
        try:
            described = parse_description(content)
        except ValueError as error:
            raise ValueError(f"{FAST} {error}") from None
    described, notes = _as_class_reads(described, settings, content is not None)
    if model_type == "camembert":
        described = in_order_of_xlm_roberta(described)
    return _of_description(described, settings, notes)


def _missing(settings: Settings) -> str:
    """Returns a sentence on a folder without any vocabulary."""
    older = {
        "WordPiece": WORD_PIECES,
        "BPE": " with ".join(BYTE_PAIRS),
        "Unigram": listed(list(SENTENCE_PIECES[:3])),
    }.get(settings.model or "", f"{WORD_PIECES}, {' with '.join(BYTE_PAIRS)}, …")
    return f"the tokenizer's files are missing: {FAST}, or {older}; {SAVE_AGAIN}"


def _of_proto(proto: bytes, settings: Settings) -> Plan:
    """Decides how a SentencePiece model without a tokenizer.json is read."""
    layout = LAYOUTS.get(settings.class_name or "", "XLMRoberta")
    steps: list[dict[str, Any]] = []
    if layout == "Albert":
        steps += [_replace("``", '"'), _replace("''", '"')]
        if not settings.flag("keep_accents", False):
            steps += [{"type": "NFKD"}, {"type": "StripAccents"}]
    if settings.flag("do_lower_case", layout == "Albert"):
        steps.append({"type": "Lowercase"})
    by_punctuation = settings.flag("split_by_punct", False)
    found = prepared(proto, set(settings.roles.values()), steps)
    if found is not None and not settings.added and not by_punctuation:
        return Plan(template_of(None, settings), proto=(layout, found))
    described = description_of_proto(proto, layout)
    described["normalizer"]["normalizers"][:0] = steps
    if by_punctuation:
        words = [{"type": "Punctuation", "behavior": "Isolated"}, described["pre_tokenizer"]]
        described["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": words}
    return _of_description(described, settings, [])


def _replace(text: str, by: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"String": text}, "content": by}


def _as_class_reads(
    described: dict[str, Any], settings: Settings, from_file: bool
) -> tuple[dict[str, Any], list[str]]:
    """Returns a description with what a class of `transformers` sets in it, and what to tell."""
    model = described["model"]
    if settings.model != model["type"]:  # as of CamemBERTv2: RoBERTa's layers, word pieces
        return described, []
    if model["type"] == "WordPiece":
        return with_bert_options(described, settings, from_file)
    words = described.get("pre_tokenizer") or {}
    if model["type"] == "BPE" and words.get("type") == "ByteLevel":
        before = bool(settings.flag("add_prefix_space", False))
        notes = []
        if from_file and bool(words.get("add_prefix_space")) != before:
            notes.append(
                f"add_prefix_space: tokenizer.json says {str(not before).lower()}, "
                f"tokenizer_config.json or its class {str(before).lower()}, which is used, as "
                "transformers does"
            )
        return {**described, "pre_tokenizer": {**words, "add_prefix_space": before}}, notes
    return described, []


def _of_description(described: dict[str, Any], settings: Settings, notes: list[str]) -> Plan:
    """Decides how texts are read by a description: the way that keeps most doors open."""
    template = template_of(described.get("post_processor"), settings)
    settings = _with_roles(described, settings, template)
    described, in_texts = _with_added(described, settings)
    roles = _known_roles(described, settings, template)
    kind = described["model"]["type"]
    if not in_texts:
        if kind == "WordPiece" and (arguments := bert_arguments(described, settings)):
            return Plan(template, tuple(notes), word_pieces=arguments)
        if kind == "Unigram" and (found := _proto(described, settings)):
            return Plan(template, tuple(notes), proto=found)
    elif kind in ("WordPiece", "Unigram"):
        few = ", ".join(repr(token) for token in in_texts[:SHOWN])
        notes = [
            *notes,
            f"the tokenizer finds {plural(len(in_texts), 'added token')} in texts ({few}"
            f"{', …' if len(in_texts) > SHOWN else ''}), so the model leaves as ONNX, and as no "
            "SavedModel",
        ]
    return Plan(template, tuple(notes), described=(described, roles))


def _with_roles(described: dict[str, Any], settings: Settings, template: Template) -> Settings:
    """Returns settings with the special tokens that the tokenizer.json itself tells."""
    names = {number: piece for piece, number in vocabulary_of(described).items()}
    names |= {token["id"]: token["content"] for token in described["added_tokens"]}
    told = {
        "cls": template.start,
        "sep": template.end,
        "unk": described["model"].get("unk_token"),
        "pad": None if settings.pad_id is None else names.get(settings.pad_id),
        "mask": next((name for name in ("[MASK]", "<mask>") if name in names.values()), None),
    }
    found = {role: token for role, token in told.items() if isinstance(token, str)}
    return replace(settings, roles={**found, **settings.roles})


def _with_added(described: dict[str, Any], settings: Settings) -> tuple[dict[str, Any], list[str]]:
    """Returns a description with all added tokens, and those that it finds in texts."""
    vocabulary = vocabulary_of(described)
    special = set(settings.roles.values())
    tokens = {token["content"]: dict(token) for token in described["added_tokens"]}
    known = {**vocabulary, **{name: token["id"] for name, token in tokens.items()}}
    for number in sorted(settings.added):
        token = settings.added[number]
        if token["content"] not in known:
            defaults = {"single_word": False, "lstrip": False, "rstrip": False}
            tokens[token["content"]] = {
                **defaults,
                "normalized": True,
                "special": False,
                **token,
                "id": number,
            }
    kind = described["model"]["type"]
    marks = set(settings.in_texts - vocabulary.keys())
    if kind == "WordPiece":
        # Also one of BERT's vocabulary, such as "[unused1]", which users take as a mark. In other
        # vocabularies, such as CamemBERT's, they are the publishers' own, which no text has.
        marks |= settings.in_texts
        for name in settings.in_texts & vocabulary.keys():
            places = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
            tokens.setdefault(name, {"content": name, **places, "id": vocabulary[name]})
    in_texts = []
    for name, token in tokens.items():
        if name in marks:
            token["special"] = False  # so that texts may have it, which its users do
        # SentencePiece, too, finds pieces of its own before others, if it has been told them.
        its_own = kind == "Unigram" and name in vocabulary
        if not token.get("special") and name not in special and not its_own:
            in_texts.append(name)
    added = sorted(tokens.values(), key=lambda token: token["id"])
    return {**described, "added_tokens": added}, in_texts


def _known_roles(
    described: dict[str, Any], settings: Settings, template: Template
) -> dict[str, str]:
    """Returns the special tokens as a `HuggingFaceTokenizer` calls their roles.

    Raises:
        ValueError: if nothing says which token fills up a batch, or a token is not there.
    """
    known = vocabulary_of(described).keys() | {t["content"] for t in described["added_tokens"]}
    needed = {"start": template.start, "end": template.end, "pad": settings.roles.get("pad")}
    if needed["pad"] is None:
        raise ValueError(
            'nothing says which token fills up a batch: add "pad_token" to '
            'tokenizer_config.json, such as "[PAD]" or "<pad>"'
        )
    if missing := [token for token in needed.values() if token is not None and token not in known]:
        raise ValueError(
            f"its vocabulary lacks {missing[0]!r:.80}, which tokenizer_config.json or its class "
            "names as a special token"
        )
    if needed["pad"] in (template.start, template.end):
        raise ValueError(
            f"{needed['pad']!r:.80} fills up a batch and stands around texts, too, so that it "
            "would be hidden there: pad_token must be another token"
        )
    for role in ("unk", "mask"):
        if settings.roles.get(role) in known:
            needed[role] = settings.roles[role]
    return {f"{role}_token": token for role, token in needed.items() if token is not None}


def _proto(described: dict[str, Any], settings: Settings) -> tuple[Layout, bytes] | None:
    """Returns a Unigram description as a SentencePiece model, if one reads texts alike."""
    entries = [list(entry) for entry in described["model"]["vocab"]]
    # A mask may stand behind the vocabulary, as one more token.
    for token in described["added_tokens"]:
        if token["id"] == len(entries):
            entries.append([token["content"], 0.0])
    layout = layout_of([entry[0] for entry in entries], settings.roles)
    if layout is None or any(t["id"] >= len(entries) for t in described["added_tokens"]):
        return None
    added = described["added_tokens"]
    special = {token["content"] for token in added if token.get("special")}
    special |= {*settings.roles.values()}
    user_defined = {token["content"] for token in added} - special
    whole = {**described, "model": {**described["model"], "vocab": entries}}
    proto = proto_of(whole, layout, special, user_defined)
    return None if proto is None else (layout, proto)
