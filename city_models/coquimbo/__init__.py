"""La Serena-Coquimbo, Chile: the embedded city (see PROVENANCE.md)."""
