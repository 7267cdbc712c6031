"""Options that several commands have in common, as the fields of one record.

A command names the record as a parameter and gets it made; the command line shows the fields as options of the command.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

Verb = Callable[..., None]

__all__ = ["given_by"]


def given_by(record: type[Any], name: str) -> Callable[[Verb], Verb]:
    """Turn the parameter `name` of a command into the options that the fields of `record` are."""

    def taught(verb: Verb) -> Verb:
        options = inspect.signature(record, eval_str=True).parameters
        signature = inspect.signature(verb, eval_str=True)

        @functools.wraps(verb)
        def with_options(**given: Any) -> None:
            made = record(**{option: given.pop(option) for option in options})
            verb(**given, **{name: made})

        parameters: list[inspect.Parameter] = []
        for each in signature.parameters.values():
            parameters += options.values() if each.name == name else [each]
        named = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]
        # What the command line is made of is read from these two.
        vars(with_options)["__signature__"] = signature.replace(parameters=named)
        with_options.__annotations__ = {each.name: each.annotation for each in named}
        return with_options

    return taught
