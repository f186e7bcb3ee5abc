"""Fine-tunes, exports and compares scorers of sentiment. Only modules of this room import torch and transformers."""
