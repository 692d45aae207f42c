"""How much the checks find, and how often they are wrong: a corpus with the truth, ours and ACRO's verdicts on it.

corpus    outputs of every kind, safe and unsafe, made from the demo datasets by rules that a person can follow
truth     what makes a group of rows unsafe, worked out from the raw rows by code that the checks do not share
ours      our verdicts        acro_peer   ACRO's, in an environment of its own
"""
