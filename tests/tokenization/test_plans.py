"""How a tokenizer's files are read is decided as `transformers` does, and told if they differ."""

import json

import pytest
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors

from mtc_keras.tokenization.plans import plan_of
from mtc_keras.tokenization.reading import missing_files
from mtc_keras.tokenization.unspelt import without_spelling
from tests.conftest import LETTERS, RESERVED, WORDS
from tests.tokenization.files import ROLES, tokenizer_json, with_template

PIECES = [*RESERVED, *WORDS, *LETTERS, *(f"##{letter}" for letter in LETTERS)]


def bert(lowercase=True, strip_accents=None, pieces=PIECES):
    """Returns the content of a BERT's tokenizer.json."""
    ids = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(
        lowercase=lowercase, strip_accents=strip_accents
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(RESERVED)
    return with_template(tokenizer)


def plan(folder, files, model_type="bert", **config):
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name).write_text(text, "utf-8")
    return plan_of(str(folder), model_type, config)


@pytest.mark.parametrize(
    ("stated", "options", "read", "note"),
    [
        # lowercase and strip_accents of tokenizer.json; what transformers 5.24 makes of them
        ((True, None), {"do_lower_case": True}, (True, True), ""),
        ((True, None), {"do_lower_case": False}, (False, False), "do_lower_case: tokenizer.json"),
        ((False, None), {}, (True, True), "lacks it, for which the class takes true"),
        ((False, None), {"tokenizer_class": "BertTokenizerFast"}, (True, True), "class takes true"),
        ((False, None), {"tokenizer_class": "PreTrainedTokenizerFast"}, (False, False), ""),
        ((False, None), {"tokenizer_class": "TokenizersBackend"}, (False, False), ""),
        ((False, True), {"do_lower_case": False}, (False, False), "strip_accents: tokenizer.json"),
        ((False, True), {"do_lower_case": False, "strip_accents": True}, (False, True), ""),
        ((True, None), {"do_lower_case": True, "strip_accents": False}, (True, False), "strip_acc"),
    ],
)
def test_options_of_a_bert_go_before_its_tokenizer_json(stated, options, read, note, tmp_path):
    files = {"tokenizer.json": bert(*stated).to_str(), "tokenizer_config.json": options}
    found = plan(tmp_path, files, pad_token_id=0)
    assert (found.word_pieces["lowercase"], found.word_pieces["strip_accents"]) == read
    assert found.word_pieces["vocabulary"] == PIECES
    assert len(found.notes) == bool(note)
    assert note in "".join(found.notes)


def test_what_no_tokenizer_of_keras_hub_reads_is_read_by_its_file(tmp_path):
    options = {"do_lower_case": True, "tokenize_chinese_chars": False}
    found = plan(tmp_path, {"tokenizer.json": bert().to_str(), "tokenizer_config.json": options})
    assert found.word_pieces is None
    described, roles = found.described
    assert described["normalizer"]["handle_chinese_chars"] is False
    assert roles == ROLES


@pytest.mark.parametrize("old", [False, True])
def test_added_tokens_are_read_in_texts_and_told(old, tmp_path):
    """Words of a user's domain, behind the vocabulary: in tokenizer.json, or beside vocab.txt."""
    tokenizer = bert()
    tokenizer.add_tokens(["guichet-3", AddedToken("[URL]", normalized=False)])
    files = {"tokenizer_config.json": {"do_lower_case": True}}
    if old:
        files["vocab.txt"] = "\n".join(PIECES)
        files["added_tokens.json"] = {"guichet-3": len(PIECES), "[URL]": len(PIECES) + 1}
    else:
        files["tokenizer.json"] = tokenizer.to_str()
    found = plan(tmp_path, files)
    assert "finds 2 added tokens in texts ('guichet-3', '[URL]')" in found.notes[0]
    described, roles = found.described
    read = Tokenizer.from_str(json.dumps(without_spelling(described, roles.values())))
    texts = ["the GUICHET-3 [URL] was slow", "guichet-3", "[SEP] queue", "[url]"]
    for text in texts[:2]:
        expected = tokenizer.encode(text, add_special_tokens=False).ids
        assert read.encode(text, add_special_tokens=False).ids == expected
    assert PIECES.index("[SEP]") not in read.encode(texts[2], add_special_tokens=False).ids


@pytest.mark.parametrize("old", [False, True])
def test_an_unused_piece_that_users_take_as_a_mark_is_read_in_texts(old, tmp_path):
    tokenizer = bert(pieces=[*PIECES, "[unused1]"])
    options = {"do_lower_case": True, "additional_special_tokens": ["[unused1]"]}
    tokenizer.add_special_tokens(["[unused1]"])
    files = {"tokenizer.json": tokenizer.to_str()}
    if old:
        files = {"vocab.txt": "\n".join([*PIECES, "[unused1]"])}
        files["special_tokens_map.json"] = {"additional_special_tokens": ["[unused1]"]}
    found = plan(tmp_path, {**files, "tokenizer_config.json": options}, pad_token_id=0)
    assert "('[unused1]')" in found.notes[-1]
    described, roles = found.described
    read = Tokenizer.from_str(json.dumps(without_spelling(described, roles.values())))
    text = "good [unused1] slow"
    expected = tokenizer.encode(text, add_special_tokens=False).ids
    assert len(PIECES) in expected
    assert read.encode(text, add_special_tokens=False).ids == expected


def test_special_tokens_of_users_are_read_in_texts_but_not_those_with_a_role(tmp_path):
    tokenizer = bert()
    tokenizer.add_special_tokens(["<url>", "<other>"])
    options = {"do_lower_case": True, "additional_special_tokens": ["<url>", "[SEP]"]}
    files = {"tokenizer.json": tokenizer.to_str(), "tokenizer_config.json": options}
    described, roles = plan(tmp_path, files).described
    read = Tokenizer.from_str(json.dumps(without_spelling(described, roles.values())))
    ids = read.encode("<url> <other> [SEP]", add_special_tokens=False).ids
    assert tokenizer.token_to_id("<url>") in ids
    assert not {tokenizer.token_to_id("<other>"), tokenizer.token_to_id("[SEP]")} & {*ids}


PROCESSORS = {
    "[CLS] [SEP] [SEP] 1": processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    ),
    "[CLS] [SEP] [SEP] [SEP] 0": processors.RobertaProcessing(("[SEP]", 3), ("[CLS]", 2)),
    "[CLS] [SEP] [SEP]  1": processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2)),
    "None [SEP] [SEP] 0": processors.TemplateProcessing(
        single="$A [SEP]", pair="$A [SEP] $B [SEP]", special_tokens=[("[SEP]", 3)]
    ),
    "[CLS] None  0": processors.TemplateProcessing(
        single="[CLS] $A", pair="[CLS] $A $B", special_tokens=[("[CLS]", 2)]
    ),
    "None None  0": None,
}


@pytest.mark.parametrize("expected", PROCESSORS)
def test_special_tokens_around_texts_are_those_of_the_file(expected, tmp_path):
    described = json.loads(bert().to_str())
    described["post_processor"] = None
    if PROCESSORS[expected] is not None:
        tokenizer = bert()
        tokenizer.post_processor = PROCESSORS[expected]
        described = json.loads(tokenizer.to_str())
    options = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]"}
    files = {"tokenizer.json": described, "tokenizer_config.json": options}
    template = plan(tmp_path, files).template
    shown = [str(template.start), str(template.end), *template.separator]
    assert " ".join([*shown, str(template.second_segment)]).split() == expected.split()


REFUSED = {
    "the tokenizer's files are missing: tokenizer.json, or vocab.txt;": {},
    "tokenizer.json is not JSON": {"tokenizer.json": "{"},
    "tokenizer.json is nested too deeply": {"tokenizer.json": "[" * 100_000},
    "it has no vocabulary": {"tokenizer.json": {"class_name": "BertTokenizer"}},
    "a model of type 'Letters', not one of": {
        "tokenizer.json": {"model": {"type": "Letters", "vocab": {}}}
    },
    "has ids that are no numbers": {
        "tokenizer.json": {"model": {"type": "BPE", "vocab": {"a": 2**31}, "merges": []}}
    },
    "has added tokens without a text": {
        "tokenizer.json": {"added_tokens": [1], "model": {"type": "BPE", "vocab": {}}}
    },
    "tokenizer_config.json must hold an object": {"tokenizer_config.json": "[]"},
    "do_lower_case is 'yes', and must be true or false": {
        "vocab.txt": "\n".join(PIECES),
        "tokenizer_config.json": {"do_lower_case": "yes"},
    },
    "lacks do_lower_case: add true for an uncased model": {
        "vocab.txt": "\n".join([*PIECES, "Paris"]),
    },
    "lacks '[CLS]'": {"vocab.txt": "[PAD]\n[UNK]\n", "tokenizer_config.json": {}},
    "merge 2 is no pair of pieces": {"vocab.json": {"a": 0}, "merges.txt": "a a\na a a\n"},
    "vocab.json must hold an object": {"vocab.json": "[]", "merges.txt": ""},
    "which token fills up a batch": {
        "tokenizer.json": bert(lowercase=False).to_str(),
        "tokenizer_config.json": {"tokenizer_class": "TokenizersBackend"},
    },
    "fills up a batch and stands around texts, too": {
        "vocab.txt": "\n".join(PIECES),
        "tokenizer_config.json": {"do_lower_case": True, "pad_token": "[SEP]"},
    },
    "is no SentencePiece model": {"sentencepiece.bpe.model": "not a model"},
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_what_cannot_be_read_is_one_sentence(sentence, tmp_path):
    with pytest.raises(ValueError, match=r".") as caught:
        plan(tmp_path, REFUSED[sentence])
    assert sentence in str(caught.value)
    assert missing_files(tmp_path, "bert", {}) == [str(caught.value)]


def test_the_tokens_of_another_family_are_no_camemberts(tmp_path):
    options = {"pad_token": "[PAD]", "tokenizer_class": "PreTrainedTokenizerFast"}
    files = {"tokenizer.json": tokenizer_json("unigram"), "tokenizer_config.json": options}
    with pytest.raises(ValueError, match="is not CamemBERT's, whose tokens begin with <s>NOTUSED"):
        plan(tmp_path, files, "camembert")
