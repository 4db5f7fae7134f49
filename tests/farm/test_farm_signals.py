"""What a driver does with signals. No Ray, no Blender."""

import os
import signal

import pytest

from synth.farm.signals import SIGNALS, deferred_signals, ignoring_interrupts, stopping_signals


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("block", [stopping_signals, deferred_signals])
def test_a_signal_that_was_ignored_stays_ignored(number, block):
    """nohup ignores SIGHUP, and a shell script SIGINT of what it starts with &."""
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with block():
            os.kill(os.getpid(), number)
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("block", [stopping_signals, deferred_signals])
def test_a_signal_that_was_not_ignored_stops_and_has_its_handler_back(number, block):
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), block():
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_an_interrupt_is_ignored_while_a_farm_ends():
    with stopping_signals(), ignoring_interrupts():
        os.kill(os.getpid(), signal.SIGINT)
