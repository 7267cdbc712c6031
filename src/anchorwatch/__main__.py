"""`python -m anchorwatch` is the command line."""

from anchorwatch.cli.app import main

if __name__ == "__main__":
    main()
