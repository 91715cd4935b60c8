"""What a call through the endpoint costs: CPU, latency and memory, beside the barest proxy and other gateways.

One upstream and one worker each; Quorum has every control on, the others what their own set-up has. All servers run
at the same time and are driven in turns, and every figure is a median of rounds, so that a busy machine disturbs all
alike. CPU is user + system time of all of a gateway's processes. What the load driver and the upstream use is in no
figure.

    ./dev bench gateway [--quick] [--only bare,Quorum] [--rounds 5] [--seconds 2]

    ./dev bench gateway growth [--plot FILE]     by connections, sizes of requests, models and keys
    ./dev bench gateway mcp                      tools/call over HTTP, few tools and many

`--quick` has the barest proxy and Quorum only, in less than 30 seconds. Other gateways are installed into
.dev/bench/ by pip's and npm's ordinary ways; one that cannot be is skipped, which is no pass.
"""

import argparse
import contextlib
import resource
import sys
import tempfile
import time
from pathlib import Path

from gateways.bars import bars
from gateways.gateways import OWN, Starter, direct
from gateways.growth import growth
from gateways.measures import measured, quick_measures, whole_measures
from gateways.peers import PEERS, Skipped
from gateways.running import DidNotStart, Running
from gateways.tables import bars_table, cpu_table, latency_table
from gateways.tool_calls import tool_calls
from gateways.upstreams import upstream

ALL = OWN | PEERS


def arguments() -> argparse.Namespace:
    given = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    given.add_argument("what", nargs="?", choices=("compare", "growth", "mcp"), default="compare")
    given.add_argument("--plot", type=Path, help="where growth's plot goes, as SVG")
    given.add_argument(
        "--quick", action="store_true", help="only the barest proxy and Quorum, only CPU and memory"
    )
    given.add_argument("--only", help=f"some of {', '.join(ALL)}")
    given.add_argument("--rounds", type=int, default=0)
    given.add_argument("--seconds", type=float, default=0, help="of each run")
    return given.parse_args()


def start(stack: contextlib.ExitStack, starter: Starter, port: int, home: Path, *, quick: bool) -> Running:
    """Start a gateway twice: what a first start alone does (schemas, bytecode) is no figure of the second."""
    if not quick:
        with starter(port, home):
            pass
    return stack.enter_context(starter(port, home))


def compared(names: list[str], port: int, home: Path, given: argparse.Namespace) -> None:
    """Start what is asked for, measure, and print the tables."""
    skipped: dict[str, str] = {}
    with contextlib.ExitStack() as stack:
        running = [] if given.quick else [direct(port)]
        for name in names:
            try:
                running.append(start(stack, ALL[name], port, home / name, quick=given.quick))
            except (Skipped, DidNotStart) as error:
                skipped[name] = str(error)
        rounds = given.rounds or (3 if given.quick else 5)
        measures = (quick_measures if given.quick else whole_measures)(
            given.seconds or (1.0 if given.quick else 2.0)
        )
        result = measured(running, measures, rounds, port)
    cpu_table(running, result)
    if not given.quick:
        print()
        latency_table(running, result)
        print()
        bars_table(bars(running, result))
    for name, why in skipped.items():
        print(f"\nskipped: {name}: {why}")
    for (name, measure), why in result.errors.items():
        print(f"\nskipped: {name}, {measure}: {why}")


def main() -> None:
    given = arguments()
    names = given.only.split(",") if given.only else list(OWN if given.quick else ALL)
    if unknown := [name for name in names if name not in ALL]:
        sys.exit(f"no such gateway: {', '.join(unknown)}; there are {', '.join(ALL)}")
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as home, upstream() as port:
        if given.what == "growth":
            growth(port, Path(home), given.rounds or 3, given.seconds or 1.5, given.plot)
        elif given.what == "mcp":
            tool_calls(port, Path(home), given.rounds or 5, given.seconds or 2.0)
        else:
            compared(names, port, Path(home), given)
    print(f"\n{time.monotonic() - began:.0f} s in all")


if __name__ == "__main__":
    main()
