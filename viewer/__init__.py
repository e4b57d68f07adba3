"""Watching agents think: sessions, pictures of them, a window, recordings, and a person in the maze."""
