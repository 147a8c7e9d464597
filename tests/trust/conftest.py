from tests.parts import site

__all__ = ["site"]
