"""Field types and a base model for bodies that JavaScript and Python clients write.

Integers may come as `12`, `12.0` or `"12"`, never as `12.5` or `true`; numbers are finite. Both clients send null for
what was not set (JavaScript even for NaN), so null for a field with a default means the default.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, TypeVar

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

MAX_EXACT: Final = 1 << 53
"""Largest integer up to which a JSON number is exact in every client (a double)."""


def _refuse_bool(value: Any) -> Any:
    if value is True or value is False:
        raise PydanticCustomError("number_type", "must be a number")
    return value


def _refuse_bool_for_int(value: Any) -> Any:
    if value is True or value is False:
        raise PydanticCustomError("int_type", "must be an integer")
    return value


LaxInt = Annotated[int, Field(ge=-MAX_EXACT, le=MAX_EXACT), BeforeValidator(_refuse_bool_for_int)]
"""An integer within +-2^53."""

LaxCount = Annotated[int, Field(ge=0, le=MAX_EXACT), BeforeValidator(_refuse_bool_for_int)]
"""An integer from 0 to 2^53."""

LaxId = Annotated[int, Field(ge=1), BeforeValidator(_refuse_bool_for_int)]
"""An integer of at least 1 that names something; whether it can is for others to say."""

LaxFloat = Annotated[float, Field(allow_inf_nan=False), BeforeValidator(_refuse_bool)]
"""A finite number."""

LaxAmount = Annotated[float, Field(ge=0, allow_inf_nan=False), BeforeValidator(_refuse_bool)]
"""A finite number of at least 0."""


ItemT = TypeVar("ItemT")

Items = Annotated[list[ItemT], Field(fail_fast=True)]
"""A list that is checked up to its first wrong item: a million wrong ones are a million errors, and half a gigabyte."""


class WireModel(BaseModel):
    """A request body: unknown keys are ignored, and null for a field whose default is not null is that default.

    Fields whose default is None keep an explicit null in `model_fields_set`, so an update can tell it from absence.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    _defaults: ClassVar[dict[str, Any]] = {}
    """By every spelling of a field that has a default other than None."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls._defaults = {}
        for name, field in cls.model_fields.items():
            default = None if field.is_required() else field.get_default(call_default_factory=True, validated_data={})
            if default is not None:
                alias = field.validation_alias
                spellings = alias.choices if isinstance(alias, AliasChoices) else [alias or name]
                cls._defaults.update({spelling: default for spelling in spellings if isinstance(spelling, str)})

    @model_validator(mode="before")
    @classmethod
    def _defaults_for_nulls(cls, body: Any) -> Any:
        if type(body) is not dict or None not in body.values():
            return body
        defaults = cls._defaults
        return {key: defaults.get(key) if value is None else value for key, value in body.items()}
