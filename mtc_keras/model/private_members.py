"""The private or undocumented members of Keras and relatives, and of openpyxl, that are used.

Each has its reason. A test holds that the installed versions have them all and that no other is
used; the upper bounds of these packages in `pyproject.toml` come from this list.
"""

PRIVATE_MEMBERS = {
    # === Training and prediction ===
    "keras.Model._compile_loss": (
        "None after `compile`: Keras' own container of losses needs labels in every row, and "
        "averages over batches"
    ),
    "keras.Model._tracker": "forgets the old layer when `compile` changes the balancing method",
    "keras.Model._flatten_metrics_in_order": (
        "overridden, so that `evaluate` lists its numbers as `metrics_names` names them"
    ),
    "keras.Model.jax_state_sync": (
        "brings the weights out of the step where a callback of `fit` asks for a prediction"
    ),
    "keras.Model._get_jax_state": "weights taken out of the model are put back after an error",
    "keras.Model._jax_state": "as `_get_jax_state`",
    "keras.Model._jax_state_synced": "as `_get_jax_state`",
    "keras.Model._make_function": "overridden: an interruption right after a step loses no weights",
    "keras.Variable._value": "None or a deleted buffer once a step that failed took the weights",
    "keras.Variable._initialize_with_initializer": (
        "put off: weights that are read from files are not drawn first"
    ),
    "keras.Variable._deferred_initialize": "draws the weights that no file has brought",
    "keras.Variable._initializer": "by which they are drawn",
    "keras.Model.make_train_function": "overridden: the step is compiled before it is needed",
    "keras.Model.train_function": "as `make_train_function`",
    "keras.Model.make_predict_function": "compiled again whenever Keras recompiles its own",
    "keras.Model.predict_function": "as `make_predict_function`",
    "keras.Model.compute_loss_and_updates": "what Keras' own step differentiates",
    "keras.Model._update_metrics_variables": "the metrics after a step, as in Keras' own",
    "keras.Model.get_metrics_result": "overridden: `loss` from the tasks' means",
    "keras.Model.stateless_call": "overridden: activations recomputed, or part by part of a batch",
    "keras_hub.models.Task.preprocess_samples": (
        "overridden: tokens are taken as they are; rows without labels fill up a batch"
    ),
    # === Optimizer ===
    "keras.optimizers.Optimizer.update_step": "overridden: a rate for each variable",
    "keras.optimizers.Optimizer._apply_weight_decay": "overridden: a decay for each variable",
    "keras.optimizers.Optimizer._use_weight_decay": "which variables decay",
    # === Callbacks: what a checkpoint must hold of them ===
    "keras.callbacks.SwapEMAWeights._ema_weights_in_model": "whether averages are in the model",
    "keras.callbacks.EarlyStopping.get_monitor_value": "overridden: floors, mixes and NaN",
    "keras.callbacks.EarlyStopping.best": "the best value so far",
    "keras.callbacks.EarlyStopping.best_epoch": "its epoch",
    "keras.callbacks.EarlyStopping.best_weights": "its weights",
    "keras.callbacks.EarlyStopping.wait": "epochs since then",
    "keras.callbacks.EarlyStopping.stopped_epoch": "where it stopped",
    # === Presets ===
    "keras.Model._flatten_layers": (
        "a preset's file of heads leaves out the backbone's layers; an explanation is computed in "
        "float32 by all of them"
    ),
    "keras.StatelessScope.add_update": (
        "hands the token embedding a table with one row per token of a batch: another shape"
    ),
    "keras_hub.src.utils.preset_utils.check_file_exists": "whether a folder holds a classifier",
    "keras_hub.src.utils.preset_utils.check_config_class": "the class of a saved preprocessor",
    "keras_hub.src.utils.preset_utils.find_subclass": (
        "the preprocessor of KerasHub's class that a backbone of our own derives from"
    ),
    "keras_hub.src.utils.preset_utils.get_preset_loader": (
        "one class serves all backbones; `Task.from_preset` looks for a subclass per backbone"
    ),
    "keras_hub.src.utils.preset_utils.PresetLoader.load_task": "as `get_preset_loader`",
    "keras_hub.src.utils.preset_utils.load_json": (
        "how many tokens a backbone reads, before its weights are fetched"
    ),
    # === Checkpoints of Hugging Face ===
    "keras_hub.src.utils.preset_utils.get_file": "a file of a folder, or of a hub's name",
    "keras_hub.layers.TransformerEncoder._self_attention_layer": "takes a checkpoint's weights",
    "keras_hub.layers.TransformerEncoder._self_attention_layer_norm": "as the attention layer",
    "keras_hub.layers.TransformerEncoder._feedforward_layer_norm": "as the attention layer",
    "keras_hub.layers.TransformerEncoder._feedforward_output_dense": "as the attention layer",
    "keras_hub.layers.TransformerEncoder._feedforward_intermediate_dense": (
        "as the attention layer; and the activation of it is that of the checkpoint"
    ),
    # === Tokenizers ===
    "keras_hub.tokenizers.Tokenizer._use_tf_workflow": (
        "whether a tokenizer of ours is called in a graph, as KerasHub's ask it"
    ),
    "keras_hub.tokenizers.WordPieceTokenizer._set_vocabulary_tf": (
        "overridden: a word may have 100 characters, as in `transformers`, not 100 bytes"
    ),
    # === Processes ===
    "keras.src.utils.module_utils.tensorflow": (
        "Keras' lazy module is handed what stands in for TensorFlow until it is needed"
    ),
    "jax.experimental.multihost_utils.broadcast_one_to_all": "the first process decides",
    "jax.experimental.multihost_utils.sync_global_devices": "processes wait for each other",
    # === Serving ===
    "uvicorn.protocols.http.httptools_impl.HttpToolsProtocol._unset_keepalive_if_required": (
        "called where a connection's bytes are read, as uvicorn's own reading does"
    ),
    # === Data ===
    "openpyxl.worksheet._read_only.ReadOnlyWorksheet._worksheet_path": (
        "where in the workbook a sheet is, whose formulas and merged cells openpyxl leaves out"
    ),
}
