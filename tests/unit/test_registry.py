"""What model names mean, which providers there are, and what they cost."""

import re
from pathlib import Path

import pytest

from quorum_mcp.answers import Media, Usage
from quorum_mcp.config.load import load
from quorum_mcp.config.providers import PriceSettings, ProviderSettings
from quorum_mcp.config.settings import AliasSettings, Settings
from quorum_mcp.errors import ConfigError, ModelNotFound
from quorum_mcp.providers.catalog import Catalog, catalog, parse_catalog
from quorum_mcp.providers.endpoint import Endpoint
from quorum_mcp.providers.registry import Registry
from quorum_mcp.providers.wires import WIRES

LAB = ProviderSettings(
    wire="openai", base_url="http://127.0.0.1:9100/v1", model="alpha", models=("alpha", "beta")
)
KEYS = {"OPENAI_API_KEY": "k1", "ANTHROPIC_API_KEY": "k2", "GEMINI_API_KEY": "k3", "XAI_API_KEY": ""}


def registry(vendors: Catalog | None = None, **fields: object) -> Registry:
    fields = {"ollama_enable": False} | fields
    return Registry(Settings(**fields), vendors=vendors)


def test_without_keys_nothing_is_configured_and_each_says_what_it_lacks() -> None:
    missing = {entry.name: entry.missing for entry in registry().describe()}
    assert missing["openai"] == "set OPENAI_API_KEY"
    assert missing["google"] == "set GOOGLE_API_KEY or GEMINI_API_KEY"
    assert missing["ollama"] == "switched off by OLLAMA_ENABLE"
    assert all(missing.values())


def test_keys_of_the_environment_configure_vendors() -> None:
    assert set(registry(env=KEYS, ollama_enable=True).providers) == {
        "openai",
        "anthropic",
        "google",
        "ollama",
    }


def test_a_vendor_of_the_settings_still_needs_its_key() -> None:
    (entry,) = [
        d for d in registry(providers={"openai": ProviderSettings()}).describe() if d.name == "openai"
    ]
    assert entry.missing == "set OPENAI_API_KEY"
    with_key = registry(providers={"openai": ProviderSettings(api_key_env="MY_KEY")}, env={"MY_KEY": "k"})
    assert "openai" in with_key.providers


def test_base_urls() -> None:
    env = KEYS | {"OPENAI_BASE_URL": "http://proxy.internal/v1/", "OLLAMA_HOST": "0.0.0.0"}
    made = registry(env=env, ollama_enable=True)
    urls = {entry.name: entry.base_url for entry in made.describe()}
    assert urls["openai"] == "http://proxy.internal/v1"
    assert urls["ollama"] == "http://127.0.0.1:11434"
    assert urls["anthropic"] == "https://api.anthropic.com"


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("lab/alpha", "lab/alpha"),
        ("lab", "lab/alpha"),
        ("beta", "lab/beta"),
        ("openai/some/model:x", "openai/some/model:x"),
        ("claude/claude-new", "anthropic/claude-new"),
        ("mine", "lab/beta"),
        ("lab/nick", "lab/beta"),
    ],
)
def test_names(name: str, means: str) -> None:
    alias = AliasSettings("lab", "beta", max_tokens=100, temperature=0.5)
    found = registry(providers={"lab": LAB}, env=KEYS, models={"mine": alias, "lab/nick": alias}).resolve(
        name
    )
    assert found.name == means
    assert (found.max_tokens, found.temperature) == (
        (100, 0.5) if name in ("mine", "lab/nick") else (None, None)
    )


@pytest.mark.parametrize("vendor", catalog().vendors)
def test_a_vendors_bare_name_is_its_dated_default(vendor: str) -> None:
    entry = catalog().vendors[vendor]
    made = registry(env=dict.fromkeys(entry.keys[:1], "k"), ollama_enable=True)
    if entry.model is None:
        with pytest.raises(ModelNotFound, match="no default model"):
            made.resolve(vendor)
        return
    assert made.resolve(vendor).name == f"{vendor}/{entry.model}"
    assert entry.model in entry.models
    for alias in entry.aliases:
        assert made.resolve(alias).name == f"{vendor}/{entry.model}"


@pytest.mark.parametrize(
    ("name", "says", "hint"),
    [
        ("lap/alpha", "no model is called 'lap/alpha'", "did you mean lab/alpha?"),
        ("alpa", "no model is called 'alpa'", "did you mean alpha?"),
        ("lab/gamma", "lab has no model 'gamma'", "did you mean lab/alpha?"),
        ("mistral", "mistral is not configured", "set MISTRAL_API_KEY, or write another provider: openai, "),
        ("grok/grok-4", "xai is not configured", "set XAI_API_KEY"),
        ("zzzzzz", "no model is called 'zzzzzz'", "configured providers: openai, anthropic, google, lab"),
        ("", "no model is called ''", "configured providers"),
        ("lab/", "no model is called 'lab/'", "did you mean lab"),
    ],
)
def test_names_that_mean_nothing(name: str, says: str, hint: str) -> None:
    with pytest.raises(ModelNotFound) as caught:
        registry(providers={"lab": LAB}, env=KEYS).resolve(name)
    assert says in caught.value.message
    assert hint in (caught.value.hint or "")


def test_a_bare_name_that_two_list() -> None:
    made = registry(providers={"lab": LAB, "lab2": LAB})
    with pytest.raises(ModelNotFound) as caught:
        made.resolve("alpha")
    assert caught.value.details["candidates"] == ["lab/alpha", "lab2/alpha"]
    assert made.resolve("alpha", vendor="lab2").name == "lab2/alpha"


def test_registered_providers() -> None:
    made = registry(providers={"lab": LAB})
    other = made.providers["lab"]
    assert isinstance(other, Endpoint)
    other.name, other.kind = "sim", "sim"
    made.register(other, models=("steady", "wild"))
    assert made.resolve("sim").name == "sim/steady"
    assert made.resolve("wild").name == "sim/wild"
    assert [(d.name, d.kind) for d in made.describe() if d.kind == "sim"] == [("sim", "sim")]
    price = made.price("sim", "steady")
    assert price is not None
    assert price.source == "free"


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (ProviderSettings(base_url="http://127.0.0.1:1"), "providers.lab: wire is missing"),
        (ProviderSettings(wire="openai"), "providers.lab: base_url is missing"),
        (
            ProviderSettings(wire="openai", base_url="http://127.0.0.1:1", auth="magic"),
            "unknown auth 'magic'",
        ),
    ],
)
def test_entries_that_cannot_be_used(entry: ProviderSettings, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        registry(providers={"lab": entry})


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("{}", "quorum.yaml:3: providers.lab: wire is missing"),
        ("{wire: openai}", "quorum.yaml:3: providers.lab: base_url is missing"),
    ],
)  # fmt: skip
def test_an_entry_that_cannot_be_used_is_named_by_its_line(tmp_path: Path, entry: str, says: str) -> None:
    file = tmp_path / "quorum.yaml"
    file.write_text(f"providers:\n  openai: {{}}\n  lab: {entry}\n")
    settings = load(config=file, env={"HOME": str(tmp_path)}, cwd=tmp_path)
    with pytest.raises(ConfigError, match=re.escape(says)) as caught:
        Registry(settings)
    assert caught.value.details["file"] == str(file)


def test_an_openai_shaped_vendor_takes_only_data() -> None:
    """The golden test of the catalogue: an entry of text makes a provider, with nothing written in Python."""
    vendors = parse_catalog("""
        checked = 2026-11-20
        [vendors.nova]
        title = "Nova"
        wire = "openai"
        base_url = "https://api.nova.example/v1"
        keys = ["NOVA_API_KEY"]
        aliases = ["star"]
        model = "nova-1"
        models = ["nova-1", "nova-mini"]
        [vendors.nova.dialect]
        max_tokens_field = "max_completion_tokens"
        effort = "none"
    """)
    made = registry(vendors, env={"NOVA_API_KEY": "k"})
    provider = made.resolve("star").provider
    assert isinstance(provider, Endpoint)
    assert made.resolve("nova-mini").name == "nova/nova-mini"
    assert (provider.kind, provider.address.base) == ("remote", "https://api.nova.example/v1")
    assert provider.wire.name == "openai"


def test_every_vendor_speaks_a_wire_that_exists() -> None:
    assert {vendor.wire for vendor in catalog().vendors.values()} == set(WIRES)


class TestPrices:
    def test_of_the_settings(self) -> None:
        made = registry(
            providers={
                "lab": ProviderSettings(
                    wire="openai", base_url="https://x.example/v1", price=PriceSettings(0.5, 1.5)
                )
            }
        )
        price = made.price("lab", "alpha")
        assert price is not None
        assert (price.input, price.output, price.cached_input) == (500_000_000, 1_500_000_000, 500_000_000)
        # 1000 x 0.5 + 100 x 1.5 USD per million = 650 microdollars
        assert price.cost(Usage(input=1000, output=100)) == 650_000

    def test_of_the_table(self) -> None:
        made = registry(env=KEYS)
        price = made.price("anthropic", "claude-sonnet-4-5")
        assert price is not None
        assert (price.input, price.output, price.cached_input, price.cache_write) == (
            3_000_000_000,
            15_000_000_000,
            300_000_000,
            3_750_000_000,
        )
        assert price.note.startswith("genai-prices ")
        usage = Usage(input=1000, output=10, cached=600, cache_write=100)
        assert price.cost(usage) == 300 * 3000 + 600 * 300 + 100 * 3750 + 10 * 15000

    def test_long_prompts_cost_their_tier(self) -> None:
        made = registry(env=KEYS)
        short, long = made.price("google", "gemini-2.5-pro"), made.price("google", "gemini-2.5-pro", 200_001)
        assert short is not None
        assert long is not None
        assert long.input == 2 * short.input

    def test_sound_and_images_have_prices_of_their_own(self) -> None:
        made = registry(env=KEYS)

        def cost(model: str, usage: Usage) -> int:
            price = made.price("openai", model)
            assert price is not None
            assert price.covers(usage)
            return price.cost(usage)

        drawn = Usage(input=1000, output=5000, media=Media(image_input=400, image_output=5000))
        assert cost("gpt-image-1.5", drawn) == 600 * 5_000 + 400 * 8_000 + 5000 * 32_000
        heard = Usage(input=1000, output=10, media=Media(audio_input=900))
        assert cost("gpt-4o-transcribe", heard) == 100 * 2_500 + 900 * 6_000 + 10 * 10_000
        assert cost("tts-1", Usage(media=Media(characters=1000))) == 1000 * 15_000
        assert cost("whisper-1", Usage(media=Media(seconds=90))) == 9_000_000
        assert cost("omni-moderation-latest", Usage(input=100)) == 0
        for model, usage in (
            ("whisper-1", Usage(input=5)),
            ("gpt-4o-transcribe", Usage(media=Media(seconds=60))),
        ):
            price = made.price("openai", model)
            assert price is not None
            assert not price.covers(usage)

    def test_text_is_priced_where_sound_is_by_the_hour(self) -> None:
        price = registry(env=KEYS).price("mistral", "voxtral-small-24b-2507")
        assert price is not None
        assert price.covers(Usage(input=1000, output=10))
        with_sound = Usage(input=1000, output=10, media=Media(seconds=3600))
        assert price.cost(with_sound) - price.cost(Usage(input=1000, output=10)) == 240_000_000

    def test_unknown_is_not_free(self) -> None:
        made = registry(
            providers={"lab": ProviderSettings(wire="openai", base_url="https://x.example/v1")}, env=KEYS
        )
        assert made.price("lab", "alpha") is None
        assert made.price("openai", "no-such-model-at-all") is None
        assert made.price("nobody", "alpha") is None

    def test_local_is_free(self) -> None:
        price = registry(ollama_enable=True).price("ollama", "llama3")
        assert price is not None
        assert price.cost(Usage(input=10**9, output=10**9)) == 0

    def test_what_the_provider_reports_wins(self) -> None:
        price = registry(env=KEYS).price("anthropic", "claude-sonnet-4-5")
        assert price is not None
        assert price.cost(Usage(input=1000, output=10, cost=7)) == 7

    @pytest.mark.parametrize("vendor", [name for name, v in catalog().vendors.items() if v.prices])
    def test_the_table_knows_the_catalogues_models(self, vendor: str) -> None:
        made = registry(env=dict.fromkeys(catalog().vendors[vendor].keys, "k"))
        unknown = [m for m in catalog().vendors[vendor].models if made.price(vendor, m) is None]
        assert unknown == []
