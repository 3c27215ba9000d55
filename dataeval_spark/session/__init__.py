"""Sessions of Spark: the engine, its settings, its progress, and how its work is cancelled."""
