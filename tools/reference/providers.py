"""docs/reference/providers.md: the catalogue, and what each vendor's API takes, found out by asking its wire."""

from collections.abc import Callable, Iterator
from typing import get_args

from quorum_mcp.config.environment import KEYS
from quorum_mcp.errors import Unsupported
from quorum_mcp.messages import (
    Audio,
    Image,
    JsonFormat,
    Message,
    ModelRequest,
    Text,
    Tool,
    ToolChoice,
    message,
)
from quorum_mcp.providers.builtin.provider import Builtin
from quorum_mcp.providers.catalog import Vendor, catalog
from quorum_mcp.providers.sim.models import FAULTS, PERSONALITIES
from quorum_mcp.providers.wire import Wire
from quorum_mcp.providers.wires import WIRES, load_wire
from quorum_mcp.tasks import TaskName

from .markdown import code, page, table

TOOL = Tool("look_up", "Looks a word up.", {"type": "object", "properties": {}})
SCHEMA = {
    "type": "object",
    "properties": {"x": {"type": "string"}},
    "required": ["x"],
    "additionalProperties": False,
}
Probe = Callable[[Wire, str], object]


def _chat(**more: object) -> Probe:
    def probe(wire: Wire, model: str) -> object:
        fields: dict[str, object] = {"messages": (message("user", "?"),), "max_tokens": 4096, **more}
        return wire.chat(ModelRequest(model, **fields), stream=False)  # pyright: ignore[reportArgumentType]

    return probe


def _showing(image: Image) -> Probe:
    return _chat(messages=(Message("user", (Text("?"), image)),))


def _performing(task: TaskName) -> Probe:
    def probe(wire: Wire, model: str) -> None:
        if task not in wire.tasks:
            raise Unsupported(f"{model} has no {task}")

    return probe


FEATURES: dict[str, Probe] = {
    "tools": _chat(tools=(TOOL,)),
    "a tool that must be called": _chat(tools=(TOOL,), tool_choice=ToolChoice("required")),
    "one tool at a time": _chat(tools=(TOOL,), parallel_tools=False),
    "images as data": _showing(Image("image/png", data="AAAA")),
    "images by URL": _showing(Image(url="https://example.org/x.png")),
    "JSON": _chat(format=JsonFormat()),
    "JSON of a schema": _chat(format=JsonFormat(SCHEMA)),
    "reasoning effort": _chat(reasoning_effort="low"),
    "no reasoning": _chat(reasoning_effort="none"),
    "seed": _chat(seed=1),
    "stop sequences": _chat(stop=("END",)),
    "sound": _chat(messages=(Message("user", (Audio("audio/wav", "AAAA"),)),)),
    **{f"making {name}": _performing(name) for name in get_args(TaskName)},
}
INTRO = """
A provider is a named source of models. A model is written `provider/model`; the first slash separates. The vendors
below need nothing but their key in the environment, Ollama nothing at all. Every other endpoint of one of the wires
({wires}) is a provider of your own: [add a provider](../guides/add-a-provider.md).
"""
SERVERS = """
These servers are looked for on this machine when Quorum starts, on loopback only, 0.3 seconds each. What answers as
they do is a provider; what you configured yourself stays as it is.
"""
BUILTIN = """
Two solvers come with Quorum. They are programs, not language models: exact, free, without a network, and they
abstain with a reason where they cannot compute an answer. Answers list them under `builtin`.
"""
SIM = """
`quorum demo` and `quorum sim` serve scripted models, for trying things out and for tests. They are not language
models. Every answer with one of them carries `simulated: true`, on every surface and in every record.
"""
KNOBS = """
A name may carry knobs, as in a URL: `sim/flaky?rate=0.3`, `sim/atlas?fault=cut&after=3`, `sim/birch?delay=2&wrong=1`.
"""


def providers_page() -> str:
    """The page."""
    parts = [INTRO.format(wires=", ".join(code(wire) for wire in WIRES)), "## Vendors", *_vendors()]
    parts += ["## What the vendors take", _abilities()]
    parts += ["## Servers of this machine", SERVERS, table(("provider", "server", "address"), _servers())]
    parts += ["## Built-in solvers", BUILTIN, _solvers(), "## Simulated models", SIM, _simulated(), KNOBS]
    return page("Providers", *parts)


def _vendors() -> Iterator[str]:
    known = catalog()
    yield f"Names of models are those of {known.checked:%d %B %Y}; `quorum doctor` compares them with what a provider lists."
    yield table(
        ("provider", "other names", "wire", "key", "base URL", "default model"),
        (
            (
                f"{code(n)} ({v.title})",
                _codes(v.aliases),
                code(v.wire),
                _codes(v.keys),
                code(v.base_url),
                _default(v),
            )
            for n, v in known.vendors.items()
        ),
    )
    yield "Known models, as of that day; others can be named all the same:"
    yield "\n".join(f"- {code(n)}: {_codes(v.models)}" for n, v in known.vendors.items() if v.models)


def _default(vendor: Vendor) -> str:
    return code(vendor.model) or "the first that it lists"


def _abilities() -> str:
    known = catalog()
    wires = {n: load_wire(v.wire, known.dialect(v.wire, v)) for n, v in known.vendors.items()}
    rows: list[list[str]] = []
    for feature, probe in FEATURES.items():
        takes = [_takes(probe, wire, known.vendors[n].model or "llama4") for n, wire in wires.items()]
        rows.append([feature, *("yes" if taken else "–" for taken in takes)])
    about = (
        "Text, streaming, system messages and lists of models work with all of them. What a vendor's API does not take"
        " (–) is refused with `unsupported`; nothing is dropped silently. Whether a model of the vendor can do it is"
        " the model's matter; the table is that of the default model."
    )
    return f"{about}\n\n{table(('', *(code(n) for n in wires)), rows)}"


def _takes(probe: Probe, wire: Wire, model: str) -> bool:
    try:
        probe(wire, model)
    except Unsupported:
        return False
    return True


def _servers() -> Iterator[tuple[str, ...]]:
    for name, server in catalog().servers.items():
        yield code(name), server.title, code(server.base_url)


def _solvers() -> str:
    import anyio

    from quorum_mcp.providers.base import Timeouts

    listed = anyio.run(Builtin().models, Timeouts())
    return table(("model", "what it does"), ((code(f"builtin/{m.id}"), f"{m.name}.") for m in listed))


def _simulated() -> str:
    personalities = ((code(f"sim/{p.name}"), f"{p.about}; {p.wrong:.0%} of its checkable answers are wrong")
                     for p in PERSONALITIES.values())  # fmt: skip
    faults = ((code(f"sim/{fault}"), f"injects the fault {fault}") for fault in FAULTS)
    return table(("model", "what it is"), (*personalities, *faults))


def _codes(names: tuple[str, ...]) -> str:
    aliases = [alias for name in names for alias in KEYS.get(name, ()) if alias not in names]
    return ", ".join(code(name) for name in (*names, *aliases))
