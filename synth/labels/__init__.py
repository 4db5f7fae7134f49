"""Labels from buffers and geometry: arrays in, arrays out, no bpy."""
