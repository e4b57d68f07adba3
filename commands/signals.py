"""The signals that ask a command to stop."""

from __future__ import annotations

import signal

HANGUP: signal.Signals | None = getattr(signal, "SIGHUP", None)
"""The terminal has been closed; None on systems without this signal. It often comes twice, from the terminal
and from the shell, so a second one does not mean that somebody has lost patience."""


def stop_signals() -> list[signal.Signals]:
    """Ctrl-C, TERM and the end of the terminal, except where `nohup` says to outlive that."""
    signals = [signal.SIGINT, signal.SIGTERM]
    if HANGUP is not None and signal.getsignal(HANGUP) is not signal.SIG_IGN:
        signals.append(HANGUP)
    return signals
