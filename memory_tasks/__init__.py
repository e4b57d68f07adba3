"""The other tasks of Miconi, Clune & Stanley (ICML 2018), on the cores of `agents`.

Patterns to complete, images to complete, characters to tell apart after one look: in each an episode shows
something new, and the network can only answer from what its plastic connections kept of it.
`python -m memory_tasks --help` is the command line.
"""
