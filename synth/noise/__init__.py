"""How far an image is from what it would be without noise, and what that costs: the parts of `bench noise`."""
