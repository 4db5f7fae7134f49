"""Blender's door: everything that imports bpy, besides scenes/*/build.py."""
