"""Where the rules come from, as findings name it."""

HANDBOOK_OUTPUTS = "Handbook on Statistical Disclosure Control for Outputs (Griffiths et al., 2019)"
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
HANDBOOK_REGRESSION = (
    "Handbook on Statistical Disclosure Control for Outputs (Griffiths et al., 2019), regression"
)
HANDBOOK_PLOTS = "Handbook on Statistical Disclosure Control for Outputs (Griffiths et al., 2019), graphs"
HANDBOOK_POSITION = (
    "Handbook on Statistical Disclosure Control for Outputs (Griffiths et al., 2019), percentiles"
)
HANDBOOK_SURVIVAL = (
    "Handbook on Statistical Disclosure Control for Outputs (Griffiths et al., 2019), survival analysis"
)
DOMINANCE_RULES = "Hundepool et al. (2012), Statistical Disclosure Control, 4.2.2: (n,k) and p % rules"
STATBARN = (
    "Green, Ritchie & Blanchard (2024), The statbarn: a model for output statistical disclosure control"
)
SACRO_ML = "Jefferson et al. (2022), GRAIMATTER: disclosure control of trained machine learning models"
POST_PROCESSING = "Dwork & Roth (2014), Proposition 2.1: post-processing"
DECLARED = "The declaration beside the file (outputs.yaml)"
