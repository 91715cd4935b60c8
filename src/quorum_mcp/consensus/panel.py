"""Who sits at the table: from a request's words to seats, strongest first."""

from collections import Counter
from collections.abc import Callable, Sequence
from difflib import get_close_matches

from quorum_mcp.access.principal import KeyRule
from quorum_mcp.config.settings import Settings
from quorum_mcp.consensus.plan import Seat
from quorum_mcp.consensus.query import Query
from quorum_mcp.errors import ConfigError, InvalidInput, ModelNotFound
from quorum_mcp.providers.registry import Registry, Target

MOST_SEATS = 32
BUILTIN_PANEL = ("builtin/arithmetic", "builtin/extract")

Strength = Callable[[str], float | None]
"""A member's recorded share of right answers, None without a record."""
Usable = Callable[[str], bool]
"""Whether a provider may be chosen unasked: its breaker is not open."""


async def seats(
    query: Query,
    settings: Settings,
    registry: Registry,
    strength: Strength,
    usable: Usable,
    key: KeyRule | None = None,
) -> tuple[Seat, ...]:
    """The seats that the query asks for; `key` bounds whom it may ask.

    Raises:
        Forbidden: it names models that the key may not call, or the key may call none of the default panel.
        ModelNotFound: a provider, model or panel is not known; the hint names the nearest.
        InvalidInput: nobody is left, or too many are.
        ConfigError: no provider can be used at all.
    """
    names = _named(query, settings)
    targets = [await registry.find(name) for name in names] if names else _default(registry, usable)
    excluded = {_excluded(name, registry) for name in query.exclude_providers}
    kept = [target for target in targets if target.provider.name not in excluded]
    if key is not None:
        kept = _allowed(kept, key, chosen=query.panel is not None or query.providers is not None)
    if not kept:
        raise InvalidInput(
            "nobody is left to ask", hint="exclude fewer providers, or name a panel with other ones"
        )
    ordered = _strongest_first(kept, strength)
    repeated = [target for target in ordered for _ in range(query.samples)]
    if len(repeated) > MOST_SEATS:
        raise InvalidInput(
            f"{len(repeated)} seats are too many (at most {MOST_SEATS})",
            hint="a smaller panel, or fewer samples",
        )
    return tuple(_seats(repeated))


def _allowed(targets: list[Target], key: KeyRule, *, chosen: bool) -> list[Target]:
    """Those that the key may call: a panel that somebody chose is asked as a whole or not at all."""
    refused = [target.name for target in targets if not key.allows(target.name)]
    if refused and (chosen or len(refused) == len(targets)):
        key.require(*refused)
    return [target for target in targets if key.allows(target.name)]


def _named(query: Query, settings: Settings) -> list[str]:
    if query.panel is not None and query.providers is not None:
        raise InvalidInput("give either providers or panel", hint="a panel is a name or a list of models")
    if isinstance(query.panel, str):
        if (found := settings.panels.get(query.panel)) is not None:
            names = list(found)
        else:
            raise _unknown_panel(query.panel, settings)
    else:
        names = list(query.panel or query.providers or settings.panels.get("default", ()))
    if query.panel == [] or query.providers == []:
        raise InvalidInput("the panel is empty", hint="name at least one model")
    for name in names:
        if name.startswith("quorum/"):
            raise ConfigError(
                f"{name} is a panel itself and cannot sit on one", hint="name its models instead"
            )
    return names


def _unknown_panel(name: str, settings: Settings) -> ModelNotFound:
    near = get_close_matches(name, list(settings.panels), 1, 0.4)
    known = ", ".join(settings.panels) or "none is set"
    hint = (
        f"did you mean {near[0]!r}?"
        if near
        else f"panels of quorum.yaml: {known}; a list names models directly"
    )
    return ModelNotFound(f"no panel is called {name!r}", hint=hint)


def _default(registry: Registry, usable: Usable) -> list[Target]:
    """One model of each provider that can be used; the built-in solvers where there is none."""
    targets: list[Target] = []
    for name, provider in registry.providers.items():
        if provider.kind in ("builtin", "sim") or not usable(name):
            continue
        model = registry.default(name) or next(iter(registry.known(name)), None)
        if model is not None:
            targets.append(registry.resolve(f"{name}/{model}"))
    if targets:
        return targets
    solvers = [name for name in BUILTIN_PANEL if "builtin" in registry.providers]
    if not solvers:
        raise ConfigError(
            "no provider can be used",
            hint="set a key such as OPENAI_API_KEY, or start a local server; `quorum doctor` shows what is missing",
        )
    return [registry.resolve(name) for name in solvers]


def _excluded(name: str, registry: Registry) -> str:
    """The provider that is left out. One that nobody knows is refused: the wrong one would be asked."""
    provider = registry.provider_name(name.partition("/")[0])
    if provider not in {found.name for found in registry.describe()}:
        registry.resolve(f"{name}/any")  # raises, with the nearest name
    return provider


def _strongest_first(targets: Sequence[Target], strength: Strength) -> list[Target]:
    """By track record; a member without one keeps its place in the panel's own order."""
    known = sorted(
        (t for t in targets if strength(t.name) is not None), key=lambda t: -(strength(t.name) or 0.0)
    )
    if len(known) < len(targets):
        return list(targets) if not known else _merged(targets, known)
    return known


def _merged(targets: Sequence[Target], known: list[Target]) -> list[Target]:
    names = {target.name for target in known}
    rest = iter(known)
    return [next(rest) if target.name in names else target for target in targets]


def _seats(targets: Sequence[Target]) -> list[Seat]:
    totals = Counter(target.name for target in targets)
    seen: Counter[str] = Counter()
    seats: list[Seat] = []
    for index, target in enumerate(targets):
        seen[target.name] += 1
        member = target.name if totals[target.name] == 1 else f"{target.name}#{seen[target.name]}"
        kind = target.provider.kind
        seats.append(
            Seat(
                index,
                member,
                target.name,
                target.provider.name,
                simulated=kind == "sim",
                builtin=kind == "builtin",
                max_tokens=target.max_tokens,
                temperature=target.temperature,
            )
        )
    return seats
