"""anchorwatch keeps watch on trust anchors."""
