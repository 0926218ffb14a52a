"""An ONNX model of token ids beside its `tokenizer.json`, written, made smaller and asked."""
