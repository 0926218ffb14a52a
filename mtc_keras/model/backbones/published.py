"""Published checkpoints of the families that are worth a try; docs/backbones.md lists them."""

from dataclasses import dataclass

MULTILINGUAL, EUROPEAN = "About 100 languages", "15 languages"


@dataclass(frozen=True)
class Published:
    """A checkpoint at Hugging Face.

    Args:
        name: what follows `hf://` in `[model] backbone`.
        model_type: its family.
        language: what it reads.
        parameters: its size in millions of parameters, embeddings counted, as published.
        remark: what to know of it.
    """

    name: str
    model_type: str
    language: str
    parameters: int
    remark: str = ""


_SENTENCES = "of sentence-transformers"
_E5 = '`prefix = "query: "`'
PUBLISHED = (
    # === French ===
    Published("cmarkea/distilcamembert-base", "camembert", "French", 68, "6 layers"),
    Published("almanach/camembert-base", "camembert", "French", 111),
    Published("dangvantuan/sentence-camembert-base", "camembert", "French", 111, _SENTENCES),
    Published("almanach/camembertv2-base", "roberta", "French", 112, "1,024 tokens"),
    Published("almanach/camembertav2-base", "deberta-v2", "French", 112),
    Published("almanach/moderncamembert-base", "modernbert", "French", 136, "8,192 tokens"),
    Published("almanach/camembert-large", "camembert", "French", 335),
    # === Multilingual ===
    Published("intfloat/multilingual-e5-small", "bert", MULTILINGUAL, 118, _E5),
    Published("distilbert/distilbert-base-multilingual-cased", "distilbert", MULTILINGUAL, 135),
    Published("jhu-clsp/mmBERT-small", "modernbert", MULTILINGUAL, 140, "8,192 tokens"),
    Published("google-bert/bert-base-multilingual-cased", "bert", MULTILINGUAL, 178),
    Published("EuroBERT/EuroBERT-210m", "eurobert", EUROPEAN, 212, "8,192 tokens"),
    Published("FacebookAI/xlm-roberta-base", "xlm-roberta", MULTILINGUAL, 278),
    Published("intfloat/multilingual-e5-base", "xlm-roberta", MULTILINGUAL, 278, _E5),
    Published("microsoft/mdeberta-v3-base", "deberta-v2", MULTILINGUAL, 278),
    Published("jhu-clsp/mmBERT-base", "modernbert", MULTILINGUAL, 307, "8,192 tokens"),
    Published("EuroBERT/EuroBERT-610m", "eurobert", EUROPEAN, 608, "8,192 tokens"),
    Published("FacebookAI/xlm-roberta-large", "xlm-roberta", MULTILINGUAL, 560),
    Published("intfloat/multilingual-e5-large", "xlm-roberta", MULTILINGUAL, 560, _E5),
    Published("BAAI/bge-m3", "xlm-roberta", MULTILINGUAL, 568, '8,192 tokens; `pooling = "cls"`'),
    # === English ===
    Published("albert/albert-base-v2", "albert", "English", 12, "12 layers, one's weights"),
    Published("google/electra-small-discriminator", "electra", "English", 14),
    Published("jhu-clsp/ettin-encoder-17m", "modernbert", "English", 17),
    Published("sentence-transformers/all-MiniLM-L6-v2", "bert", "English", 23, "`minilm`"),
    Published("intfloat/e5-small-v2", "bert", "English", 33, _E5),
    Published("distilbert/distilbert-base-uncased", "distilbert", "English", 66),
    Published("jhu-clsp/ettin-encoder-68m", "modernbert", "English", 68),
    Published("microsoft/deberta-v3-xsmall", "deberta-v2", "English", 71),
    Published("sentence-transformers/all-distilroberta-v1", "roberta", "English", 82),
    Published("google-bert/bert-base-uncased", "bert", "English", 110),
    Published("google/electra-base-discriminator", "electra", "English", 110),
    Published("FacebookAI/roberta-base", "roberta", "English", 125),
    Published("microsoft/deberta-v3-small", "deberta-v2", "English", 142),
    Published("answerdotai/ModernBERT-base", "modernbert", "English", 149, "8,192 tokens"),
    Published("microsoft/deberta-v3-base", "deberta-v2", "English", 184),
    Published("FacebookAI/roberta-large", "roberta", "English", 355),
    Published("answerdotai/ModernBERT-large", "modernbert", "English", 395, "8,192 tokens"),
    Published("microsoft/deberta-v3-large", "deberta-v2", "English", 435),
)
