"""What all models of a resource have in common."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Model(BaseModel):
    """Frozen; names as JSON has them; fields of a newer version are passed over."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="ignore")


class KeyRef(Model):
    """One key of a Secret or ConfigMap of the resource's own namespace."""

    name: str
    key: str


Members = TypeVar("Members", bound=Model)


def one_of(union: Members) -> Members:
    """Validate that exactly one member is set.

    Raises:
        ValueError: if none is, or several are.
    """
    if sum(value is not None for _, value in union) != 1:
        raise ValueError(f"set exactly one of {', '.join(to_camel(name) for name in type(union).model_fields)}")
    return union


def member(union: Model) -> str:
    """The name of the one member that is set."""
    return next(name for name, value in union if value is not None)
