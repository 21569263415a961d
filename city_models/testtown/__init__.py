"""The made-up test town; its folder is written by `python -m city_models.testtown`."""

from city_models.testtown.build import build_testtown

__all__ = ["build_testtown"]
