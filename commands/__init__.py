"""What the commands share. Nothing here imports much: a command begins with it, before it loads PyTorch."""
