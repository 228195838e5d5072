"""Speed, measured side by side with peers and limits in one run: `python -m tests.bench` (`make bench`).

Each leg alternates between ours and its reference for some rounds and compares the medians. Other work on the
machine still moves the ratios: only a run in quiet counts. A missed target is printed as missed.
`docs/performance.md` says what the figures mean and what limits each leg.
"""
