"""What a call through the endpoint costs: CPU, latency and memory, beside the barest proxy and other gateways.

One upstream and one worker each; every gateway has a key and whatever controls it has for free, Quorum has all of
its own on. The servers run at the same time and are driven in turns, and every figure is a median of rounds, so that
a busy machine disturbs all alike. CPU is user + system time of all of a gateway's processes. What the load driver and
the upstream use is not in any figure.

    ./dev bench gateway [--quick] [--only bare,Quorum] [--rounds 5] [--seconds 2]

`--quick` has the barest proxy and Quorum only, in less than 30 seconds.
"""

import argparse
import contextlib
import resource
import tempfile
import time
from pathlib import Path

from gateways.gateways import OWN, Starter
from gateways.measures import Measure, measured
from gateways.running import Running
from gateways.tables import quick_table
from gateways.upstreams import upstream


def arguments() -> argparse.Namespace:
    given = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    given.add_argument("--quick", action="store_true")
    given.add_argument("--only", default="bare,Quorum")
    given.add_argument("--rounds", type=int)
    given.add_argument("--seconds", type=float)
    return given.parse_args()


def start(stack: contextlib.ExitStack, starter: Starter, port: int, home: Path, *, quick: bool) -> Running:
    """Start a gateway twice: what a first start alone does (schemas, bytecode) is no figure of the second."""
    if not quick:
        with starter(port, home):
            pass
    return stack.enter_context(starter(port, home))


def main() -> None:
    given = arguments()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    rounds, seconds = given.rounds or 3, given.seconds or 1.0
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(upstream())
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        running = [
            start(stack, OWN[name], port, home / name, quick=given.quick) for name in given.only.split(",")
        ]
        measures = [
            Measure("json", 16, seconds),
            Measure("stream", 16, seconds, stream=True),
        ]
        result = measured(running, measures, rounds, port)
    quick_table(running, result)
    print(f"\n{rounds} rounds of {seconds} s; {time.monotonic() - began:.0f} s in all")


if __name__ == "__main__":
    main()
