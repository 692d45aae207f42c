"""Where the rules come from, as findings name it."""

HANDBOOK = "Handbook on Statistical Disclosure Control for Outputs (Griffiths et al., 2019), frequency tables"
HANDBOOK_MAGNITUDE = (
    "Handbook on Statistical Disclosure Control for Outputs (Griffiths et al., 2019), means and totals"
)
HANDBOOK_EXTREMES = (
    "Handbook on Statistical Disclosure Control for Outputs (Griffiths et al., 2019), maxima and minima"
)
SECONDARY = "Hundepool et al. (2012), Statistical Disclosure Control, 4.2: secondary suppression"
CSV_INJECTION = "OWASP, CSV injection"
CSV_FORMAT = "RFC 4180, Common Format for CSV Files"
RECOMPUTED = "Recomputation of the output's own question on the raw rows"
OUTPUT_TYPES = "The agreement's list of file types that may leave"
