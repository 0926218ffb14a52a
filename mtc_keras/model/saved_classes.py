"""What a saved model may have Keras make: classes that this package writes, and a user's own.

Keras makes an object of every table with a `class_name` in a config. It imports nothing but Keras
and KerasHub for it, and refuses lambdas; but among their classes are some that read files, load
graphs or take any memory. A user's own class is one that their program has registered before.
"""

import re
from collections.abc import Iterator
from typing import Any

# The families that KerasHub has a text classifier's preprocessor for.
FAMILIES = (
    *("Albert", "Bert", "DebertaV3", "DistilBert", "FNet", "Roberta", "RoformerV2", "XLMRoberta"),
)
BACKBONE = re.compile(rf"keras_hub>({'|'.join(FAMILIES)})Backbone")
PREPROCESSOR = re.compile(rf"keras_hub>({'|'.join(FAMILIES)})TextClassifierPreprocessor")
TOKENIZER = re.compile(rf"keras_hub>({'|'.join(FAMILIES)})Tokenizer")
OF_KERAS_HUB = (BACKBONE, PREPROCESSOR, TOKENIZER)
POLICY = re.compile(r"\w*DTypePolicy(Map)?")
IMPORTED = ("keras", "keras_hub", "keras_cv", "keras_nlp", "builtins")  # by Keras, if asked to
# Keras takes the keys of a policy map for patterns, such as "encoder/.*"; some take for ever.
PATTERN = re.compile(r"[\w/. -]*(\*[\w/. -]*){0,3}")
CLASSIFIER = "mtc_keras>MultiTaskClassifier"
DEEPEST = 40  # tables in tables of a config; a model has ten
LONGEST_NAME = 1000  # characters
# Paths or contents in place of the files of the preset.
FROM_ELSEWHERE = ("vocabulary", "proto", "merges", "tokenizer_json")


def check_classes(config: Any) -> None:
    """Checks that Keras would make nothing of a config but what a model is built from.

    Raises:
        ValueError: if it would.
    """
    for table in _tables(config):
        if "class_name" in table and not _is_known(table):
            name = table.get("registered_name") or table["class_name"]
            raise ValueError(f"names the class {str(name)[:80]!r}, of which no model is built")
        if "class_name" in table and not _is_plain(table["config"].get("name", "")):
            raise ValueError("has a part whose name cannot be printed, or is too long")
        if not all(PATTERN.fullmatch(key) for key in _keys(table.get("policy_map"))):
            raise ValueError("has a policy_map of more than paths of layers and a few `.*`")
        for key in FROM_ELSEWHERE:
            if "class_name" not in table and isinstance(table.get(key), (str, list, dict)):
                raise ValueError(f"has {key}, which is read from a file of its own")


def _tables(value: Any) -> Iterator[dict[str, Any]]:
    """Yields all tables in a value, itself included."""
    waiting = [(value, 0)]
    while waiting:
        found, depth = waiting.pop()
        if depth > DEEPEST:
            raise ValueError("is nested too deeply")
        if isinstance(found, dict):
            yield found
        if isinstance(found, (dict, list)):
            inner = found.values() if isinstance(found, dict) else found
            waiting += [(item, depth + 1) for item in inner if isinstance(item, (dict, list))]


def _keys(table: Any) -> list[str]:
    return list(table) if isinstance(table, dict) else []


def _is_plain(name: Any) -> bool:
    """Whether a name can be one of Keras' names, as far as only building would show."""
    return not isinstance(name, str) or (name.isprintable() and len(name) <= LONGEST_NAME)


def _is_known(table: dict[str, Any]) -> bool:
    class_name, module = table["class_name"], table.get("module")
    registered = table.get("registered_name")
    if not isinstance(class_name, str) or not isinstance(table.get("config"), dict):
        return False
    if not isinstance(module, (str, type(None))) or not isinstance(registered, (str, type(None))):
        return False
    package = (module or "").partition(".")[0]
    owner, _, name = (registered or "").rpartition(">")
    if owner == "keras_hub":
        own = any(pattern.fullmatch(registered or "") for pattern in OF_KERAS_HUB)
        return own and name == class_name and package == "keras_hub"
    if registered in (None, class_name) and package == "keras":
        return POLICY.fullmatch(class_name) is not None
    return bool(owner) and owner not in IMPORTED and package not in IMPORTED
