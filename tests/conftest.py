import os

# Windows are opened in memory, so the tests run without a display.
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
