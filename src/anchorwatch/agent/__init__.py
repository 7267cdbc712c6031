"""The licensing agent: the loop around `anchorwatch.licensing.instance`, its folder and its wire."""
