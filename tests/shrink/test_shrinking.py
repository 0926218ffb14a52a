"""A checkpoint that is cut to the pieces of some texts."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from mtc_keras import shrink_vocab
from mtc_keras.cli import main
from mtc_keras.errors import ConfigError, DataError
from mtc_keras.shrink.pieces import tokenizer_files
from mtc_keras.shrink.weights import EMBEDDINGS
from tests.fixtures import NAMES, expected, fixture
from tests.fixtures.texts import TEXTS

GIVEN = ["french", "curly apostrophes", "guillemets", "runs of letters", "emoji", "long", "digits"]
OTHER = ["english", "cjk", "capitals"]


def write_texts(path, names=GIVEN):
    lines = [json.dumps({"text": TEXTS[name], "label": "x"}) for name in names]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def embeddings(folder):
    weights = load_file(folder / "model.safetensors")
    return next(value for name, value in weights.items() if EMBEDDINGS.search(name))


def rows_in(folder, texts):
    """Returns the rows of the tokens of each text, by each of a checkpoint's tokenizer files."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    return [file.rows_of(texts) for file in tokenizer_files(folder, config["model_type"])]


def rows_of(folder, names):
    return rows_in(folder, [TEXTS[name] for name in names])


@pytest.mark.parametrize("name", NAMES)
def test_every_family_has_equal_pieces_and_embeddings_on_the_given_texts(name, tmp_path):
    whole = fixture(name, tmp_path)
    out = tmp_path / "cut"
    shrunk = shrink_vocab(whole, write_texts(tmp_path / "a.jsonl"), out)
    before, after = embeddings(whole), embeddings(out)
    assert shrunk.texts == len(GIVEN)
    assert shrunk.pieces == len(after) < shrunk.pieces_before <= len(before)
    assert shrunk.parameters < shrunk.parameters_before
    for old, new in zip(rows_of(whole, GIVEN), rows_of(out, GIVEN), strict=True):
        for one, other in zip(old, new, strict=True):
            np.testing.assert_array_equal(before[one], after[other])
    # What transformers makes of the texts, special tokens included, by its own file.
    if (out / "tokenizer.json").is_file():
        tokenizer = Tokenizer.from_file(str(out / "tokenizer.json"))
        for text in GIVEN:
            ids = tokenizer.encode(TEXTS[text]).ids
            np.testing.assert_array_equal(before[expected(name).ids[text]], after[ids])
    # Other texts are still read, in smaller pieces, and their ids have rows.
    assert max(max(row) for rows in rows_of(out, OTHER) for row in rows) < len(after)


@pytest.mark.parametrize("name", NAMES)
def test_a_cut_checkpoint_can_be_cut_again_and_stays_what_it_is(name, tmp_path):
    texts = write_texts(tmp_path / "a.jsonl")
    shrink_vocab(fixture(name, tmp_path), texts, tmp_path / "one")
    shrink_vocab(tmp_path / "one", texts, tmp_path / "two")
    one, two = (
        {p.name: p.read_bytes() for p in (tmp_path / o).glob("*.*")} for o in ("one", "two")
    )
    assert {**one, "README.md": b""} == {**two, "README.md": b""}


def test_ids_in_configs_are_those_of_the_same_tokens(tmp_path):
    whole = fixture("modernbert", tmp_path)
    shrink_vocab(whole, write_texts(tmp_path / "a.jsonl"), tmp_path / "cut")
    before, after = (
        json.loads((folder / "config.json").read_text("utf-8"))
        for folder in (whole, tmp_path / "cut")
    )
    old, new = (
        Tokenizer.from_file(str(folder / "tokenizer.json")) for folder in (whole, tmp_path / "cut")
    )
    keys = [key for key in before if key.endswith("_token_id")]
    assert keys
    for key in keys:
        assert old.id_to_token(before[key]) == new.id_to_token(after[key])
    assert any(before[key] != after[key] for key in keys)
    assert after["vocab_size"] == len(embeddings(tmp_path / "cut"))


def test_positions_that_are_counted_from_the_padding_stay(tmp_path):
    whole = fixture("camembert_v2", tmp_path)
    shrink_vocab(whole, write_texts(tmp_path / "a.jsonl"), tmp_path / "cut")
    before, after = (
        json.loads((folder / "config.json").read_text("utf-8"))
        for folder in (whole, tmp_path / "cut")
    )
    assert before["pad_token_id"] == after["pad_token_id"]


def test_files_of_the_checkpoint_are_kept_and_those_of_other_programs_are_left_out(tmp_path):
    whole = fixture("bert_sentencepiece", tmp_path)
    (whole / "README.md").write_text("---\nlicense: mit\n---\n# A model\n", "utf-8")
    (whole / "onnx").mkdir()
    (whole / "onnx" / "model.onnx").write_bytes(b"x")
    (whole / "pytorch_model.bin").write_bytes(b"x")
    shrunk = shrink_vocab(whole, write_texts(tmp_path / "a.jsonl"), tmp_path / "cut")
    found = {p.relative_to(tmp_path / "cut").as_posix() for p in (tmp_path / "cut").rglob("*.*")}
    assert {"1_Pooling/config.json", "modules.json", "sentencepiece.bpe.model"} <= found
    assert not {"onnx/model.onnx", "pytorch_model.bin"} & found
    assert "'onnx/model.onnx', 'pytorch_model.bin'" in "\n".join(shrunk.notes)
    readme = (tmp_path / "cut" / "README.md").read_text("utf-8")
    assert readme.startswith("---\nlicense: mit\n---\n\nCut from")
    assert "# A model" in readme


def test_parts_of_the_weights_stay_parts_and_half_precision_stays_half(tmp_path):
    whole = fixture("bert", tmp_path)
    weights = {k: v.astype("float16") for k, v in load_file(whole / "model.safetensors").items()}
    names = sorted(weights)
    halves = [names[::2], names[1::2]]
    (whole / "model.safetensors").unlink()
    index = {}
    for number, half in enumerate(halves):
        file = f"model-{number + 1:05}-of-00002.safetensors"
        save_file({name: weights[name] for name in half}, whole / file, {"format": "pt"})
        index |= dict.fromkeys(half, file)
    table = {"metadata": {}, "weight_map": index}
    (whole / "model.safetensors.index.json").write_text(json.dumps(table), "utf-8")
    out = tmp_path / "cut"
    shrunk = shrink_vocab(whole, write_texts(tmp_path / "a.jsonl"), out)
    found = json.loads((out / "model.safetensors.index.json").read_text("utf-8"))
    assert found["weight_map"] == index
    cut = {k: v for file in set(index.values()) for k, v in load_file(out / file).items()}
    assert {value.dtype.name for value in cut.values()} == {"float16"}
    changed = [name for name in names if cut[name].shape != weights[name].shape]
    assert [name for name in changed if "word_embeddings" in name]
    for name in set(names) - set(changed):
        np.testing.assert_array_equal(cut[name], weights[name])
    assert shrunk.parameters == sum(value.size for value in cut.values())


def test_texts_are_read_from_any_table_and_more_can_be_kept(tmp_path):
    whole = fixture("bert_json", tmp_path)
    (tmp_path / "a.csv").write_text("body;label\nbonjour;x\n;y\n", "utf-8")
    (tmp_path / "b.txt").write_text("merci\n", "utf-8")
    options = {"text_columns": "body", "reading": {"delimiter": ";"}}
    one = shrink_vocab(whole, tmp_path / "a.csv", tmp_path / "one", **options)
    assert one.texts == 1
    assert "1 row without a text left out" in one.notes[0]
    assert "a.csv:3" in one.notes[0]
    two = shrink_vocab(whole, tmp_path / "b.txt", tmp_path / "two")
    kept = shrink_vocab(whole, tmp_path / "b.txt", tmp_path / "kept", keep=[TEXTS["long"]])
    assert two.texts == kept.texts == 1
    assert kept.pieces > two.pieces


def test_the_program_tells_what_it_has_done(tmp_path, capsys):
    whole = fixture("xlm_roberta", tmp_path)
    texts = write_texts(tmp_path / "a.jsonl")
    command = ["shrink-vocab", "--backbone", str(whole), "--texts", str(texts)]
    assert main([*command, "--out", str(tmp_path / "cut")]) == 0
    told = capsys.readouterr().out
    assert "7 texts read; " in told
    assert " million parameters, " in told
    assert main([*command, "--out", str(tmp_path / "cut")]) == 2
    assert "holds something already" in capsys.readouterr().err
    assert main([*command, "--out", str(tmp_path / "c"), "--text-column", "body"]) == 2
    assert "no text column 'body'" in capsys.readouterr().err
    assert not (tmp_path / "c").exists()


def test_what_cannot_be_cut_is_refused_and_nothing_is_left(tmp_path):
    texts = write_texts(tmp_path / "a.jsonl")
    whole = fixture("bert_json", tmp_path)
    described = json.loads((whole / "tokenizer.json").read_text("utf-8"))
    described["model"]["vocab"]["zzz"] = 5000
    (whole / "tokenizer.json").write_text(json.dumps(described), "utf-8")
    with pytest.raises(ConfigError, match="a piece for row 5,000"):
        shrink_vocab(whole, texts, tmp_path / "out")
    settings = (whole / "tokenizer_config.json").read_bytes()
    (whole / "tokenizer_config.json").write_text("[", "utf-8")
    with pytest.raises(ConfigError, match=r"tokenizer_config\.json is not JSON"):
        shrink_vocab(whole, texts, tmp_path / "out")
    (whole / "tokenizer_config.json").write_bytes(settings)
    (whole / "tokenizer.json").unlink()
    with pytest.raises(ConfigError, match=r"no tokenizer that can be cut.*vocab\.txt"):
        shrink_vocab(whole, texts, tmp_path / "out")
    (whole / "config.json").write_text('{"registered_name": "keras_hub>BertBackbone"}', "utf-8")
    with pytest.raises(ConfigError, match="a preset of KerasHub cannot be cut"):
        shrink_vocab(whole, texts, tmp_path / "out")
    with pytest.raises(ConfigError, match="no folder of a Hugging Face model"):
        shrink_vocab(tmp_path / "nowhere", texts, tmp_path / "out")
    with pytest.raises(DataError, match="does not exist"):
        shrink_vocab(fixture("bert", tmp_path), tmp_path / "gone.jsonl", tmp_path / "out")
    assert not (tmp_path / "out").exists()
