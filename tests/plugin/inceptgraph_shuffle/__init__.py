"""An InceptGraph plug-in."""
