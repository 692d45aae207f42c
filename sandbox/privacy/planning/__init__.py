"""``Question`` → ``Plan``: bounds, noise, price. No row is read here.

plan          the way from a question to its plan        measurements  the values that a plan is made of
recipes       what each aggregate is worked out from
bounding      how much of one unit counts                choice        the bounds with the least error, by the profile
profile       how units contribute: offered, read        strata, crowd, tilt   a profile as a typical crowd
needs, split  a price, split over what is measured       ways          the same question, measured differently
prices        accuracy and budget → a price              refining      the plan of what is still to be paid
estimate      what to expect, in numbers and in words    remembered    plans that were made before
"""
