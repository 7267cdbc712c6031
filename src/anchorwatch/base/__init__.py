"""What every floor needs: a clock one can turn, secrets that print as dots, documents that say their version."""
