"""Makes docs/reference out of the code (`./dev docs`); with --check it only says what would change."""

import argparse
import sys

from reference.pages import differing, write


def main() -> int:
    """Write the pages, or compare them; 1 where they differ and were only compared."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail where a page would change")
    only_check = parser.parse_args().check
    changed = differing() if only_check else write()
    for name in changed:
        print(f"{'differs' if only_check else 'written'}: docs/reference/{name}")
    return 1 if only_check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
