"""What may be before a face: the names that scenes.head.config knows."""

OCCLUDER_KINDS = ("hand", "phone", "cup", "microphone", "paper", "ball")
HAND_POSES = ("cheek", "mouth", "chin", "eye", "forehead", "stop", "peace", "beside")
OCCLUDER_WEIGHTS = {"hand": 5.0, "phone": 1.5, "cup": 1.2, "microphone": 0.8, "paper": 0.7, "ball": 0.4}
