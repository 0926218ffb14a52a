"""Which words speak for a prediction: integrated gradients, joined to the words of the texts.

Shapes: N texts, J explanations, M tokens of all texts together.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np

from mtc_keras.data.long_texts import AnyTokens, arranged
from mtc_keras.data.packing import MASK, Packing, packs_as_usual
from mtc_keras.data.tokens import Tokens
from mtc_keras.data.windows import Windows
from mtc_keras.devices import processes
from mtc_keras.errors import did_you_mean, listed
from mtc_keras.model.explanation import Explanation, Word
from mtc_keras.model.inputs import Texts, read_texts
from mtc_keras.model.integrated_gradients import TOKENS, WORDS, Paths
from mtc_keras.model.long_texts import read_of
from mtc_keras.model.path_integrals import PathIntegral, integrate
from mtc_keras.model.prediction import state_of
from mtc_keras.tasks import Task
from mtc_keras.tasks.explained import explained_class
from mtc_keras.tokenization.offsets import offsets_of
from mtc_keras.tokenization.words import Located, locate

if TYPE_CHECKING:
    from mtc_keras.model.classifier import MultiTaskClassifier

LEAST_GAP = 1e-3  # of logits: a gap that changes a probability by 0.00025 at most
# By how much an explained logit may differ from the predicted one, where both are float32 and
# where the model predicts in a lower precision, as a share of a logit of 1 or more.
CLOSE, CLOSE_IN_LOW_PRECISION = 0.01, 0.25


def explain(
    model: "MultiTaskClassifier",
    x: Any,
    task: str | None = None,
    label: str | Sequence[str | None] | None = None,
) -> list[dict[str, Explanation]]:
    """Explains what is predicted of texts, as `MultiTaskClassifier.explain` says.

    The baseline of a text is the text with each of its tokens replaced by `[PAD]`, whose embedding
    no training has ever moved: it says next to nothing, as the zeros that Sundararajan et al. use,
    and stays among the embeddings that the encoder knows. `[MASK]`, which Enguehard 2023 (arXiv
    2305.15853) prefers, says that a word is there: docs/explaining.md has the comparison. Special
    tokens and the model's prefix, which are no part of the user's text, stay.
    """
    if (reason := unexplainable(model)) is not None:
        raise ValueError(f"explain: {reason}")
    tasks = _asked_tasks(model.tasks, task, label)
    texts = read_texts(x)
    count = len(texts[0])
    labels = _asked_labels(label, count)
    if not count:
        return []
    read = _read(model, texts)
    logits = model.predict_logits(read.tokens)
    probabilities = model.activate(logits)
    classes = {own.name: _classes(own, probabilities[own.name], labels) for own in tasks}
    paths = Paths(
        windows=_as_windows(read.tokens),
        words=_as_windows(read.words),
        texts=np.repeat(np.arange(count), len(tasks)),
        tasks=np.tile([model.tasks.index(own) for own in tasks], count),
        classes=np.stack([classes[own.name] for own in tasks], axis=1).reshape(-1),
        filler=read.filler,
    )
    measure = model.compiled_paths.measuring(model, paths, state_of(model))
    found = integrate(measure, [LEAST_GAP * own.logit_unit for own in tasks] * count)
    _check_same(model, tasks, logits, classes, found)
    return [
        {
            own.name: _explanation(
                read, row, own, int(classes[own.name][row]), found[row * len(tasks) + at]
            )
            for at, own in enumerate(tasks)
        }
        for row in range(count)
    ]


def unexplainable(model: "MultiTaskClassifier") -> str | None:
    """Returns why a model's predictions cannot be explained, `None` if they can be."""
    if keras.backend.backend() != "jax":
        return f"needs the JAX backend, and this is {keras.backend.backend()}"
    if processes.count() > 1:
        return "needs one process, such as one that loads the run after its training"
    if model.preprocessor is None:
        return "needs texts, and the model has no preprocessor"
    if not packs_as_usual(model.preprocessor):
        return (
            f"{type(model.preprocessor).__name__} does not tell which token is which part of a "
            "text; a preprocessor of KerasHub's does"
        )
    has_ids = TOKENS in model.backbone.input
    if not has_ids or getattr(model.backbone, "token_embedding", None) is None:
        return (
            f"{type(model.backbone).__name__} has no token_embedding; set that attribute to the "
            "keras.layers.Embedding that reads its token ids"
        )
    if any(layer.dtype_policy.quantization_mode for layer in model._flatten_layers()):
        return "quantized weights have no gradients; ask the model as it was before quantize()"
    if model.backbone.token_embedding.lora_enabled:
        return (
            "its token embeddings have low-rank updates; save and load the model, which adds them"
        )
    return None


class _Read(NamedTuple):
    """Texts as they are explained.

    Args:
        texts: one list of N texts, or two.
        located: for each list what was found of each text.
        tokens: the tokens as the model reads them.
        words: the same with one input: the word of its row that each token is a part of, or -1.
        filler: int. The token that stands for others in the baseline.
    """

    texts: Texts
    located: list[list[Located]]
    tokens: AnyTokens
    words: AnyTokens
    filler: int


def _read(model: "MultiTaskClassifier", texts: Texts) -> _Read:
    packing = Packing(model.preprocessor)
    tokenizer = model.preprocessor.tokenizer
    given = read_of(model, texts)
    located = [locate(tokenizer, list(column), model.prefix) for column in given]
    overlap = model.window_overlap or 0

    def read(columns: Sequence[Sequence[np.ndarray]]) -> AnyTokens:
        joined = [(np.concatenate(rows), offsets_of(list(map(len, rows)))) for rows in columns]
        return arranged(packing, joined, model.long_texts, overlap)

    tokens = read([[row.ids for row in column] for column in located])
    # Where its tokens went: their numbers take the same way, beyond those of special tokens.
    size = tokenizer.vocabulary_size()
    before = [np.zeros(len(texts[0]), int)]
    before += [np.array([len(row.words) for row in column]) for column in located]
    numbers = read(
        [
            [
                np.where(row.ids == packing.pad, packing.pad, row.word_of_token + first + size + 1)
                for row, first in zip(column, firsts, strict=True)
            ]
            for column, firsts in zip(located, before, strict=False)
        ]
    )
    return _Read(texts, located, tokens, _only_words(numbers, size + 1), packing.pad)


def _only_words(numbers: AnyTokens, first: int) -> AnyTokens:
    """Returns tokens whose ids are numbers of words, from `first` on, as those numbers."""
    if isinstance(numbers, Windows):
        tokens = _only_words(numbers.tokens, first)
        assert isinstance(tokens, Tokens)
        return Windows(tokens, numbers.offsets)
    words = np.maximum(numbers.flat[TOKENS] - first, -1)
    types = {WORDS: "int32", MASK: "bool"}
    return Tokens({WORDS: words}, numbers.offsets, {WORDS: -1}, types, numbers.max_length)


def _as_windows(tokens: AnyTokens) -> Windows:
    """Returns tokens as windows, one per text where they are none."""
    return tokens if isinstance(tokens, Windows) else Windows(tokens, np.arange(len(tokens) + 1))


def _explanation(read: _Read, row: int, task: Task, index: int, found: PathIntegral) -> Explanation:
    words: list[Word] = []
    windows = _as_windows(read.words)
    first, last = windows.tokens.offsets[windows.offsets[[row, row + 1]]]
    is_read = set(windows.tokens.flat[WORDS][first:last].tolist())
    for segment, (column, rows) in enumerate(zip(read.texts, read.located, strict=True)):
        located = rows[row]
        of_tokens = set(located.word_of_token.tolist())
        for number, (start, end) in enumerate(located.words):
            attribution: float | None = 0.0
            if len(words) in is_read:
                attribution = float(found.parts[len(words)])
            elif number in of_tokens:
                attribution = None
            words.append(Word(column[row][start:end], start, end, attribution, segment))
    one = len(read.texts) == 1
    return Explanation(
        text=read.texts[0][row] if one else (read.texts[0][row], read.texts[1][row]),
        task=task.name,
        label=task.shown_classes[index] if task.explains_classes else None,
        logit=found.last,
        baseline_logit=found.first,
        words=tuple(words),
        completeness_gap=found.last - found.first - float(found.parts.sum()),
        baseline="pad",
        steps=found.steps,
    )


def _check_same(
    model: "MultiTaskClassifier",
    tasks: Sequence[Task],
    logits: dict[str, np.ndarray],
    classes: dict[str, np.ndarray],
    found: Sequence[PathIntegral],
) -> None:
    """Raises an error if what was explained is not what the model predicts."""
    low = model.backbone.compute_dtype != "float32"
    close = CLOSE_IN_LOW_PRECISION if low else CLOSE
    for at, task in enumerate(tasks):
        predicted = keras.ops.convert_to_numpy(
            task.explained(
                keras.ops.convert_to_tensor(logits[task.name]),
                keras.ops.convert_to_tensor(classes[task.name].astype("int32")),
            )
        )
        if not np.isfinite(predicted).all():
            raise ValueError(f"explain: logits of task {task.name!r} are not finite numbers")
        explained = np.array([one.last for one in found[at :: len(tasks)]])
        most = close * np.maximum(np.abs(predicted), task.logit_unit)
        if not (np.abs(explained - predicted) <= most).all():
            raise ValueError(
                f"explain: {type(model.backbone).__name__} does not read its tokens by its "
                f"token_embedding alone, so that the logits of task {task.name!r} cannot be "
                "divided among them"
            )


def _asked_tasks(
    tasks: Sequence[Task], name: str | None, label: str | Sequence[str | None] | None
) -> list[Task]:
    names = [task.name for task in tasks]
    if name is not None and name not in names:
        raise ValueError(
            f"task must be one of {listed(names)}. Received: task={name!r}."
            f"{did_you_mean(str(name), names)}"
        )
    asked = [task for task in tasks if name in (None, task.name)]
    if label is not None and len(asked) > 1:
        raise ValueError(
            f"label is a class of one task: name it, task=…, of {listed(names)}. "
            f"Received: label={label!r}"
        )
    return asked


def _asked_labels(label: str | Sequence[str | None] | None, count: int) -> Sequence[str | None]:
    if label is None or isinstance(label, str):
        return [label] * count
    if not hasattr(label, "__len__"):  # a class such as 3, whose name is "3"
        raise ValueError(
            f"label must be the name of a class, or one for each text. Received: label={label!r}"
        )
    if len(label) != count:
        raise ValueError(f"label must be one, or one for each of {count} texts, not {len(label)}")
    return list(label)


def _classes(task: Task, probabilities: np.ndarray, labels: Sequence[str | None]) -> np.ndarray:
    """Returns int of shape `(N,)`: the class that is explained of each text, 0 if none is."""
    chosen = probabilities.argmax(axis=-1) if task.explains_classes else np.zeros(len(labels), int)
    for row, label in enumerate(labels):
        if label is not None:
            chosen[row] = explained_class(task, label)
    return chosen
