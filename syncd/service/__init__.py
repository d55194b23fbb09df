"""What runs beside the engine: logging, the schedule. What is not here: decisions about records (`syncd.engine`)."""
