"""The base release: counts over all columns and pairs of columns, bought once, from which counts are then free.

offer          policy → which columns in which bins, which tables of counts, at what noise
design         how the price is split over the tables
buy            the only step that reads rows: counts on the private view, and their noise
release        what was bought, as a value with a hash; public from then on
keeping        a snapshot's base on the engine's disk: drawn once, the same ever after
least_squares  overlapping noisy tables → one consistent estimate with its exact variance
modelling      what is likely besides: no negative counts, shrunk pairs, more than two columns
cells          whether a question falls on whole bins, and on which
answer         a question → its answer from the base, with an honest interval or none
sample         synthetic rows
"""
