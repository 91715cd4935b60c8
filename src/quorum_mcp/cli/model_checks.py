"""What `quorum doctor` says of the model names in the settings."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING

from quorum_mcp.cli.checks import Check
from quorum_mcp.errors import QuorumError

if TYPE_CHECKING:
    from quorum_mcp.config.settings import Settings
    from quorum_mcp.providers.registry import Registry, Target

Named = tuple[str, "Target"]
"""The key of a setting, and the model that it names."""


async def names(settings: "Settings", registry: "Registry") -> tuple[list[Check], list[Named]]:
    """Names that mean no model, with the key that holds them and the nearest name; and what the others mean.

    They are looked up as a question looks them up, so what passes here is found there. Providers are asked for
    their lists only for a name that means nothing without.
    """
    checks: list[Check] = []
    found: list[Named] = []
    for where, name in _written(settings):
        if name.startswith("quorum/"):
            checks.append(
                Check("models", "fail", f"{where}: {name} is a panel itself", "name its models instead")
            )
            continue
        try:
            found.append((where, await registry.find(name)))
        except QuorumError as error:
            checks.append(Check("models", "fail", f"{where}: {error.message}", error.hint))
    if found and not checks:
        checks.append(Check("models", "ok", f"all {len(found)} names in the settings mean a model"))
    return checks, found


async def lists(registry: "Registry", found: list[Named]) -> list[Check]:
    """Names that their provider does not list any more, with the nearest that it does."""
    checks: list[Check] = []
    listed: dict[str, list[str]] = {}
    defaults: list[tuple[str, str, str]] = []
    for provider in registry.describe():
        if not provider.configured or provider.kind in ("builtin", "sim"):
            continue
        try:
            listed[provider.name] = [model.id for model in await registry.list_models(provider.name)]
        except QuorumError as error:
            what = f"{provider.name} does not list its models: {error.message}"
            checks.append(Check("models", "warn", what, error.hint))
        if provider.model is not None:
            defaults.append((f"{provider.name}'s default", provider.name, provider.model))
    for where, provider, model in (*((w, t.provider.name, t.model) for w, t in found), *defaults):
        if provider not in listed or model in listed[provider]:
            continue
        near = get_close_matches(model, listed[provider], 1, 0.3)
        fix = (
            f"write {provider}/{near[0]}"
            if near
            else f"`quorum models --provider {provider} --refresh` lists its models"
        )
        checks.append(Check("models", "fail", f"{where}: {provider} has no model {model!r}", fix))
    checks.append(
        Check("models", "ok", f"{sum(map(len, listed.values()))} listed by {', '.join(listed) or 'nobody'}")
    )
    return checks


def _written(settings: "Settings") -> Iterator[tuple[str, str]]:
    """Every model name in the settings, as it is written, with its key."""
    rules = settings.consensus
    for panel, members in settings.panels.items():
        yield from ((f"panels.{panel}", name) for name in members)
    for key, name in (("synthesizer", rules.synthesizer), ("judge", rules.judge)):
        if name is not None:
            yield f"consensus.{key}", name
    yield from (("consensus.fallback", name) for name in rules.fallback)
    for name, strategy in settings.strategies.items():
        yield from ((f"strategies.{name}", each) for each in strategy.models)
    for name, choice in settings.execution.items():
        preferred = () if choice.preferred is None else (choice.preferred,)
        yield from ((f"execution.{name}", each) for each in (*preferred, *choice.fallback))
    yield from ((f"models.{alias}", f"{m.provider}/{m.model_id}") for alias, m in settings.models.items())
    for name, others in settings.fallbacks.items():
        yield from ((f"fallbacks.{name}", each) for each in (name, *others))
