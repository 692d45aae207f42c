"""What is promised, formula by formula: how far one unit can move a measurement, and the noise that hides it.

sensitivity   every formula with its proof               noise         OpenDP: the price of a noise, and its draw
threshold     which keys without a public list are shown  combined     the noise of a refined answer
quantiles     from one tree of noisy counts              fieller       the interval of a ratio
spread, pairs, moments    variance, covariance and correlation from noisy sums, with their intervals
"""
