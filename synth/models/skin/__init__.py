"""Skin from its biology: pigments to colour (optics), people's complexions (people), and what of them a linear model
keeps (components)."""
