"""`python -m goip` is the `goip` command."""

from goip.cli import main

if __name__ == "__main__":
    main()
