"""InceptGraph: networks defined, not coded."""
