"""The tour: real public data, six demo people, and the main job from a locked notebook to a released file.

datasets   where the four datasets come from     people   the demo accounts
kernel     code run in a notebook, over the hub's proxy     tour   the steps, in order
"""
