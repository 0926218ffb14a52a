"""The TOML config as frozen pydantic models: load, override, check, write, schema."""

from mtc_keras.config.data import DataConfig
from mtc_keras.config.loading import check_config, config_schema, load_config, parse_toml
from mtc_keras.config.model import ModelConfig, RandomBackboneConfig
from mtc_keras.config.reading import READ_BY, READING, reading_of, reread, reread_data
from mtc_keras.config.root import Config, lower_is_better, monitor_names
from mtc_keras.config.sections import (
    BalancingConfig,
    DecisionsConfig,
    DistributionConfig,
    OutputConfig,
    ReportConfig,
    TrackingConfig,
    TrainingConfig,
)

__all__ = [
    "READING",
    "READ_BY",
    "BalancingConfig",
    "Config",
    "DataConfig",
    "DecisionsConfig",
    "DistributionConfig",
    "ModelConfig",
    "OutputConfig",
    "RandomBackboneConfig",
    "ReportConfig",
    "TrackingConfig",
    "TrainingConfig",
    "check_config",
    "config_schema",
    "load_config",
    "lower_is_better",
    "monitor_names",
    "parse_toml",
    "reading_of",
    "reread",
    "reread_data",
]
