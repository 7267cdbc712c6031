"""The management API: what an operator does, over HTTPS and by an API key. Imported only where it is switched on."""
