"""What every answer of an API is a kind of: an error about it never says what it held."""

from pydantic import BaseModel, ConfigDict


class Shown(BaseModel):
    """A part of an answer. A field that does not fit is a fault of ours, and its value is somebody's."""

    model_config = ConfigDict(hide_input_in_errors=True)
