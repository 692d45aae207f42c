"""``Question`` → ``Plan``: bounds, noise, price. No row is read here.

plan          the way from a question to its plan        measurements  the values that a plan is made of
recipes       what each aggregate is worked out from
bounding      how much of one unit counts                choice        the bounds with the least error, by the profile
profile       how units contribute: offered, read        strata        a profile as a typical crowd
estimate      what to expect, in numbers and in words
"""
