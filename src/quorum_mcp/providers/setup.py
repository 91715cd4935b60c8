"""Which providers the settings and the environment make, and why the others are not there."""

from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct, field, structs

from quorum_mcp.config.nodes import fail, origin_of
from quorum_mcp.config.providers import ProviderSettings
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import ConfigError
from quorum_mcp.providers.base import Kind
from quorum_mcp.providers.catalog import Catalog, Vendor
from quorum_mcp.providers.deployments import DeploymentSetup, deployment_setups, served
from quorum_mcp.providers.wire import Dialect

LOOPBACK = ("127.0.0.1", "localhost", "::1")
HERE = "http://127.0.0.1"
SET = "set "
"""How the reason begins where a key is missing."""
SEARCHES = {
    "openai": ("none", "responses", "openrouter"),
    "anthropic": ("none", "native"),
    "google": ("none", "native"),
}
"""The kinds of web search that an endpoint of a wire may have."""


class Setup(Struct, frozen=True):
    """One provider as it is set up; `missing` says what it lacks, None where it can be used."""

    name: str
    wire: Literal["openai", "anthropic", "google", "mistral", "ollama"]
    base_url: str
    kind: Kind
    missing: str | None = None
    auth: str | None = None
    keys: tuple[str, ...] = ()
    model: str | None = None
    models: tuple[str, ...] = ()
    closed: bool = False
    """`models` is all there is: the user listed them."""
    aliases: tuple[str, ...] = ()
    title: str = ""
    prices: str | None = None
    free: tuple[str, ...] = ()
    dialect: Dialect = Dialect()
    headers: dict[str, str] = field(default_factory=dict)
    deployments: tuple[DeploymentSetup, ...] = ()
    """Its endpoints where there are several; `base_url` is the first one's."""

    @property
    def wants_key(self) -> bool:
        """Whether a key is all that it lacks."""
        return self.missing is not None and self.missing.startswith(SET)


def setups(settings: Settings, catalog: Catalog) -> list[Setup]:
    """Every provider of the catalogue and of the settings, usable or not.

    Raises:
        ConfigError: an entry of the settings that cannot be used, with its name.
    """
    out: list[Setup] = []
    for name, vendor in catalog.vendors.items():
        out.append(_vendor(name, vendor, settings, catalog))
    for name, entry in settings.providers.items():
        if name not in catalog.vendors:
            out.append(_custom(name, entry, settings, catalog))
    return out


def _vendor(name: str, vendor: Vendor, settings: Settings, catalog: Catalog) -> Setup:
    entry = settings.providers.get(name)
    given = entry or ProviderSettings()
    env = settings.env
    keys = given.api_keys or _key(env, (given.api_key_env,) if given.api_key_env else vendor.keys)
    usual = next((env[key] for key in vendor.base_urls if env.get(key)), vendor.base_url)
    missing = None
    if vendor.kind == "local":
        missing = None if entry or settings.ollama_enable else "switched off by OLLAMA_ENABLE"
    elif not keys and not given.base_url and not given.deployments and not given.auth.startswith("command"):
        missing = f"{SET}{given.api_key_env or ' or '.join(vendor.keys)}"
    setup = Setup(
        name=name,
        wire=given.wire or vendor.wire,
        base_url=normal_url(given.base_url or usual, vendor.base_url),
        kind="remote",
        missing=missing,
        auth=_auth(settings, name, given) or vendor.auth,
        keys=keys,
        model=given.model or (given.models[0] if given.models else vendor.model),
        models=given.models if given.models is not None else vendor.models,
        closed=given.models is not None,
        aliases=vendor.aliases,
        title=vendor.title,
        prices=vendor.prices,
        free=vendor.free,
        dialect=_dialect(catalog.dialect(given.wire or vendor.wire, None if given.wire else vendor), given),
        headers=given.headers,
    )
    return _placed(setup, given, settings)


def _custom(name: str, entry: ProviderSettings, settings: Settings, catalog: Catalog) -> Setup:
    if entry.wire is None:
        hint = "wire is openai, anthropic, google, mistral or ollama"
        raise _wrong(settings, name, "wire is missing", hint)
    if not entry.base_url and not entry.deployments:
        raise _wrong(settings, name, "base_url is missing", "a provider of your own needs its address")
    keys = entry.api_keys or _key(settings.env, (entry.api_key_env,) if entry.api_key_env else ())
    setup = Setup(
        name=name,
        wire=entry.wire,
        base_url=normal_url(entry.base_url or "", HERE),
        kind="remote",
        missing=f"{SET}{entry.api_key_env}" if entry.api_key_env and not keys else None,
        auth=_auth(settings, name, entry),
        keys=keys,
        model=entry.model or (entry.models[0] if entry.models else None),
        models=entry.models or (),
        closed=entry.models is not None,
        dialect=_dialect(catalog.dialect(entry.wire), entry),
        headers=entry.headers,
    )
    return _placed(setup, entry, settings)


def _placed(setup: Setup, entry: ProviderSettings, settings: Settings) -> Setup:
    """The provider with its endpoints, and whether they are all of this machine."""
    found = tuple(
        structs.replace(one, base_url=normal_url(one.base_url, HERE))
        for one in deployment_setups(entry, settings.env)
    )
    base_url = found[0].base_url if found else setup.base_url
    urls = [one.base_url for one in found] or [base_url]
    if (search := setup.dialect.search) not in (kinds := SEARCHES.get(setup.wire, ("none",))):
        problem = f"the {setup.wire} wire has no web search of the kind {search}"
        raise _wrong(settings, setup.name, problem, f"web_search is {' or '.join(kinds)}")
    lacking = next((f"{SET}{one.missing} (deployment {one.name})" for one in found if one.missing), None)
    setup = structs.replace(
        setup,
        base_url=base_url,
        deployments=found,
        kind="local" if all(map(is_loopback, urls)) else "remote",
        missing=setup.missing or lacking,
    )
    if entry.models is None and (models := served(found)) is not None:
        usual = setup.model if setup.model in models else models[0]
        setup = structs.replace(setup, models=models, closed=True, model=usual)
    return setup


def _dialect(usual: Dialect, entry: ProviderSettings) -> Dialect:
    """The dialect, with the web search that the user says the endpoint has."""
    return usual if entry.web_search is None else structs.replace(usual, search=entry.web_search)


def _auth(settings: Settings, name: str, entry: ProviderSettings) -> str | None:
    """How the user wants keys sent, or None for the wire's own way: `bearer` is also the setting's default."""
    chosen = entry.auth != "bearer" or f"providers.{name}.auth" in settings.sources
    return entry.auth if chosen else None


def _key(env: Mapping[str, str], names: tuple[str, ...]) -> tuple[str, ...]:
    value = next((env[name] for name in names if env.get(name)), None)
    return (value,) if value else ()


def _wrong(settings: Settings, name: str, problem: str, hint: str) -> ConfigError:
    key = f"providers.{name}"
    return fail(origin_of(settings.sources, key), key, problem, hint)


def normal_url(url: str, usual: str) -> str:
    """A base URL from what people write: `host:port` and `0.0.0.0` are common for local servers."""
    if "://" not in url:
        url = f"http://{url}"
        if urlsplit(url).port is None and (port := urlsplit(usual).port):
            url = f"{url}:{port}"
    return url.replace("://0.0.0.0", "://127.0.0.1", 1).rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether a base URL names this machine."""
    return urlsplit(url).hostname in LOOPBACK
