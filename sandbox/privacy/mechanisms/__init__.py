"""What is promised, formula by formula: how far one unit can move a measurement, and the noise that hides it.

sensitivity   every formula with its proof               noise         OpenDP: the price of a noise, and its draw
quantiles     from one tree of noisy counts              spread        variance, from three noisy numbers
"""
