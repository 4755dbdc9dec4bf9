"""``python -m inceptgraph``."""

from inceptgraph.cli import main

if __name__ == "__main__":
    main()
