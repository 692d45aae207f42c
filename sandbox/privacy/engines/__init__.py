"""The databases that hold private views. One file each; all run the same expressions."""
