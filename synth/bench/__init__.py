"""`python -m synth bench WHAT`: measurements, each with a module of its own."""

import argparse
from importlib import import_module

BENCHES = {  # what: the module whose `main` takes the words that follow, and what it measures
    "render": ("synth.bench.render", "what a record costs, by stage, and beside a bare loop of bpy"),
    "noise": ("synth.bench.noise", "how far images are from noiseless ones, over time, by setting of the path tracer"),
    "growth": ("synth.bench.growth", "how the cost of a record grows with pixels, samples, strands, vertices, lamps"),
    "storage": ("synth.bench.storage", "bytes, and records read and written per second, against other formats"),
    "farm": ("synth.bench.farm", "ten million records planned, a thousand workers served, what a million faces cost"),
    "learning": ("synth.bench.learning", "a landmark network, trained from shards and tested"),
    "realism": ("synth.bench.realism", "what networks trained on photographs see in drawn faces"),
}


def main(argv: list[str]) -> int:
    """Hand the words to the bench that the first of them names."""
    listed = "\n".join(f"  {name:<10}{about}" for name, (_, about) in BENCHES.items())
    parser = argparse.ArgumentParser(
        prog="python -m synth bench",
        description=f"benches, each with options of its own (bench render --help):\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        exit_on_error=False,
    )
    parser.add_argument("what", choices=BENCHES)
    words = parser.parse_args(argv[:1])
    return import_module(BENCHES[words.what][0]).main(argv[1:])
