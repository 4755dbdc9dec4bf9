"""Write ``tests/data/references/`` anew: ``docs/testing.md`` tells with which packages.

python tests/support/references/record.py torch_packages [NAME ...]
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

FAMILIES = ("chainer_caffe", "keras_applications", "tf_slim_nets", "torch_packages")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("family", choices=FAMILIES)
    parser.add_argument("names", metavar="NAME", nargs="*", help="default: all of the family")
    arguments = parser.parse_args()
    references = import_module(f"references.{arguments.family}").REFERENCES
    for name in arguments.names or references:
        references[name].record().save(name)
        print(name, flush=True)


if __name__ == "__main__":
    main()
