"""The render farm, the only door of Ray: workers that each hold one Blender, and the driver that keeps them busy."""
